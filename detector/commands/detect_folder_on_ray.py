"""`digit-detector detect-folder --engine ray`: the rows of a folder in shards, made by the machines of a cluster."""

from contextlib import closing

from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.commands.folder_job import exit_code, interrupted_by_sigterm, say, say_account, say_videos
from detector.console import OK, SOME_FAILED, complain
from detector.folders.progress import shown_progress
from detector.folders.ray_data import RayCluster, connected, make_shards
from detector.folders.sharded.job import (
    ShardedJob,
    check_images,
    list_units,
    look_into_output,
    prepare_output,
)
from detector.folders.sharded.units import Listing
from detector.folders.sharded.worker import Work
from detector.folders.summary import FolderSummary
from detector.model_files import EMBEDDED, load_model, read_model_files
from detector.runtimes import named_after


def detect_folder_on_ray(job: ShardedJob, choice: DetectorChoice, cluster: RayCluster) -> int:
    """Writes the rows of the images below a folder to shards; returns the exit code."""
    check_images(job.images)
    work = _work(job, choice, cluster)
    earlier = look_into_output(job, work.settings)
    rows_so_far = f"the rows so far are in {job.output.name}, --resume goes on"
    try:
        with interrupted_by_sigterm(), connected(cluster), one_line_if_broken_off(rows_so_far):
            prepare_output(job, work.settings, earlier)
            summary = _detect(work, _listed(job), cluster)
    except KeyboardInterrupt as interrupt:
        complain(f"stopped: {rows_so_far}")
        return exit_code(interrupt)
    say_account(summary, job.output.name)
    return SOME_FAILED if summary.errors else OK


def _work(job: ShardedJob, choice: DetectorChoice, cluster: RayCluster) -> Work:
    folder = choice.model or EMBEDDED
    _, manifest = load_model(folder)
    settings = job.settings(named_after(manifest, choice.runtime))
    return Work(job, settings, read_model_files(folder), choice.runtime, cluster.cpus_per_worker)


def _listed(job: ShardedJob) -> Listing:
    videos: list[str] = []
    count = 0

    def note_video(name: str) -> None:
        nonlocal count
        count += 1
        if not videos:
            videos.append(name)

    listing = list_units(job, lambda images: say(f"{images} images listed"), note_video)
    say_videos(count, next(iter(videos), ""))
    return listing


def _detect(work: Work, listing: Listing, cluster: RayCluster) -> FolderSummary:
    summary = FolderSummary()
    with (
        shown_progress(summary, listing.images) as show,
        closing(make_shards(work, listing, cluster)) as shards,
    ):
        for shard in shards:
            summary = summary.joined(shard)
            show(summary)
    return summary

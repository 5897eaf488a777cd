"""`digit-detector detect-folder --engine ray`: the rows of a folder in shards, made by the machines of a cluster."""

import argparse
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.cli.folder_jobs import location_options, shuffle_seed
from detector.cli.options import whole_number
from detector.cli.program import OK, SOME_FAILED, complain, one_line_if_broken_off
from detector.results.errors import InvalidOptionError

if TYPE_CHECKING:
    from detector.cli.detector_choice import DetectorChoice
    from detector.folders.progress import FolderSummary
    from detector.folders.sharded.ray_data import RayCluster
    from detector.folders.sharded.shard_worker import Work
    from detector.folders.sharded.sharded_job import ShardedJob
    from detector.folders.sharded.work_units import Listing

LOCAL, RAY = "local", "ray"

_OF_RAY = ("address", "workers", "cpus_per_worker", "format", "shard_images")

_NOT_ON_RAY = {
    "server": "the workers load the model themselves",
    "max_megapixels": "workers take images of up to 100 megapixels",
    "watch": "start it again with a new output for the images that have arrived",
    "annotated": "digit-detector detect --annotated paints the few images that somebody looks at",
    "report": "digit-detector report makes it of the rows: cat OUT/*.jsonl > digits.jsonl",
    "every": "read videos with --engine local, and the images here",
    "null": "name a folder, and choose in it with --include and --exclude",
}
"""The way to do it instead."""


def add_engine(parser: argparse.ArgumentParser) -> None:
    """--engine, and the options of Ray."""
    group = parser.add_argument_group(
        "on a Ray cluster",
        "Needs digit-detector[ray] on every machine. OUT is then a folder of files, the shards.",
    )
    group.add_argument(
        "--engine",
        choices=(LOCAL, RAY),
        default=LOCAL,
        help="who does the work: this process (%(default)s), or the machines of a Ray cluster",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the cluster; this machine must be one of its nodes (default: RAY_ADDRESS, or else a Ray of its own)",
    )
    group.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="processes that detect, at most (default: as many as there are processors, now and when there are more)",
    )
    group.add_argument(
        "--cpus-per-worker",
        type=whole_number(1),
        metavar="N",
        help="processors of each; 1 (default) gives the most images per processor",
    )
    group.add_argument("--format", choices=("jsonl", "parquet"), help="of the shards (default: jsonl)")
    group.add_argument(
        "--shard-images",
        type=whole_number(1, 100_000),
        metavar="N",
        help="rows in a shard; a worker that is lost begins its shard anew (default: 500)",
    )


def check_options_of_ray(args: argparse.Namespace) -> None:
    """Look whether an option is given that says something to Ray alone.

    Raises:
        InvalidOptionError: if so.
    """
    for name in _OF_RAY:
        if getattr(args, name) is not None:
            raise InvalidOptionError(name, "says something to Ray alone: add --engine ray")


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        InvalidOptionError: if an option makes no sense with this engine, or Ray is not installed.
    """
    _check_options_of_one_machine(args)
    seed = shuffle_seed(args)
    try:
        from detector.folders.sharded.ray_data import RayCluster  # noqa: PLC0415
        from detector.folders.sharded.sharded_job import ShardedJob  # noqa: PLC0415
        from detector.folders.sharded.storage import storage_at  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidOptionError(
            "engine", "ray needs more libraries: pip install 'digit-detector[ray]'"
        ) from error
    from detector.cli.detector_choice import choice  # noqa: PLC0415 - see detector.cli.options
    from detector.folders.listing import Selection  # noqa: PLC0415
    from detector.results.interface import DetectOptions  # noqa: PLC0415

    job = ShardedJob(
        images=storage_at(args.images, "images"),
        output=storage_at(args.out, "output"),
        format=args.format or ShardedJob.format,
        shard_images=args.shard_images or ShardedJob.shard_images,
        options=DetectOptions(score_threshold=args.min_score, exhaustive=args.exhaustive),
        selection=Selection(tuple(args.include), tuple(args.exclude), seed),
        location=location_options(args),
        limit=args.limit,
        resume=args.resume,
        overwrite=args.overwrite,
    )
    cluster = RayCluster(args.address, args.workers, args.cpus_per_worker or RayCluster.cpus_per_worker)
    return detect_folder_on_ray(job, choice(args), cluster)


def _check_options_of_one_machine(args: argparse.Namespace) -> None:
    if args.images == "-":
        raise InvalidOptionError("images", f"a list has no place with --engine ray: {_NOT_ON_RAY['null']}")
    for name, instead in _NOT_ON_RAY.items():
        if getattr(args, name):
            raise InvalidOptionError(name, f"cannot be had with --engine ray: {instead}")
    if args.shuffle and args.limit is None:
        raise InvalidOptionError(
            "shuffle", "shards have no order; with --limit it chooses the images, so give both or neither"
        )


def detect_folder_on_ray(job: "ShardedJob", choice: "DetectorChoice", cluster: "RayCluster") -> int:
    """Write the rows of the images below a folder to shards; return the exit code."""
    from detector.cli.folder_jobs import exit_code, interrupted_by_sigterm, say_account  # noqa: PLC0415
    from detector.folders.sharded.ray_data import connected  # noqa: PLC0415
    from detector.folders.sharded.sharded_job import check_images, inspect_output, prepare_output  # noqa: PLC0415

    check_images(job.images)
    work = _work(job, choice, cluster)
    earlier = inspect_output(job, work.settings)
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


def _work(job: "ShardedJob", choice: "DetectorChoice", cluster: "RayCluster") -> "Work":
    from detector.folders.sharded.shard_worker import Work  # noqa: PLC0415
    from detector.models.model_files import EMBEDDED, load_model, read_model_files  # noqa: PLC0415
    from detector.models.runtimes import chosen_runtime, named_version  # noqa: PLC0415

    folder = choice.model or EMBEDDED
    _, manifest = load_model(folder)
    runtime = chosen_runtime(choice.runtime, manifest)  # here, so that every machine takes the same one
    settings = job.settings(replace(manifest, version=named_version(manifest, runtime)))
    return Work(job, settings, read_model_files(folder), runtime, cluster.cpus_per_worker)


def _listed(job: "ShardedJob") -> "Listing":
    from detector.cli.folder_jobs import say, say_left_out  # noqa: PLC0415
    from detector.folders.file_kinds import LeftOutCounts  # noqa: PLC0415
    from detector.folders.sharded.sharded_job import list_units  # noqa: PLC0415

    counts = LeftOutCounts()
    listing = list_units(job, lambda images: say(f"{images} images listed"), counts)
    say_left_out(counts)
    return listing


def _detect(work: "Work", listing: "Listing", cluster: "RayCluster") -> "FolderSummary":
    from detector.folders.progress import FolderSummary, shown_progress  # noqa: PLC0415
    from detector.folders.sharded.ray_data import make_shards  # noqa: PLC0415

    summary = FolderSummary()
    with (
        shown_progress(summary, listing.images) as show,
        closing(make_shards(work, listing, cluster)) as shards,
    ):
        for shard in shards:
            summary = summary.joined(shard)
            show(summary)
    return summary

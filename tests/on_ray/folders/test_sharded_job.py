"""A sharded job without an engine: which outputs are taken up or refused, what is listed, what a worker makes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.folders.file_kinds import LeftOut
from detector.folders.listing import Selection, list_images
from detector.folders.progress import FolderSummary
from detector.folders.sharded.shard_worker import ShardMaker, Work
from detector.folders.sharded.sharded_job import (
    SETTINGS,
    ShardedJob,
    check_images,
    inspect_output,
    list_units,
    prepare_output,
)
from detector.folders.sharded.storage import storage_at
from detector.folders.sharded.work_units import Listing, WorkUnit, read_lines, work_unit
from detector.images.formats import VIDEO
from detector.models.model_files import EMBEDDED, load_model, read_model_files
from detector.models.runtimes import OPENVINO, chosen_runtime, named_version
from detector.pipeline.detector import DigitDetector
from detector.results.errors import InvalidOptionError, ModelError

pytestmark = pytest.mark.ray


@pytest.fixture
def job(tmp_path: Path, real_images: dict[str, Path]) -> ShardedJob:
    """Of five images, in shards of two."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, path in enumerate([*real_images.values(), real_images["31"]]):
        shutil.copy(path, photos / f"{number}.png")
    (photos / "holiday.mp4").touch()
    return ShardedJob(
        storage_at(str(photos), "images"), storage_at(str(tmp_path / "out"), "output"), shard_images=2
    )


def work_of(job: ShardedJob, runtime: str = OPENVINO) -> Work:
    manifest = load_model(EMBEDDED)[1]
    runtime = chosen_runtime(runtime, manifest)
    settings = job.settings(replace(manifest, version=named_version(manifest, runtime)))
    return Work(job, settings, read_model_files(EMBEDDED), runtime, 1)


def begin(job: ShardedJob) -> list[WorkUnit]:
    """As the command does; the units of the list."""
    settings = work_of(job).settings
    prepare_output(job, settings, inspect_output(job, settings))
    listing = list_units(job, lambda count: None, lambda name: None)
    return [work_unit(line) for file in range(listing.files) for line in read_lines(job.output, file)]


def work_off(job: ShardedJob) -> FolderSummary:
    units = begin(job)
    maker = ShardMaker(work_of(job))
    summary = FolderSummary()
    for unit in units:
        summary = summary.joined(maker.make(unit))
    return summary


def output_of(job: ShardedJob) -> Path:
    assert job.output.local is not None
    return job.output.local


def names_in(job: ShardedJob) -> list[str]:
    lines = [
        line for path in sorted(output_of(job).glob("*.jsonl")) for line in path.read_text().splitlines()
    ]
    return [json.loads(line)["image"] for line in lines]


def test_earlier_rows_are_refused_taken_up_or_dropped(job: ShardedJob) -> None:
    assert work_off(job).rows == 5
    with pytest.raises(InvalidOptionError, match="has rows already: go on with --resume"):
        begin(job)
    before = {path: path.stat().st_mtime_ns for path in output_of(job).glob("*.jsonl")}
    assert work_off(replace(job, resume=True)).rows == 5
    assert {path: path.stat().st_mtime_ns for path in output_of(job).glob("*.jsonl")} == before
    smaller = replace(job, selection=Selection(include=("[01].png",)))
    with pytest.raises(InvalidOptionError, match=r"--include was not given, is \[01\]\.png"):
        begin(replace(smaller, resume=True))
    assert work_off(replace(smaller, overwrite=True)).rows == 2
    assert names_in(job) == ["0.png", "1.png"], "no row of the earlier run is left"


def test_what_is_missing_or_damaged_is_made_again_and_nothing_else(job: ShardedJob) -> None:
    whole = work_off(job)
    rows = names_in(job)
    first, second, third = sorted(output_of(job).glob("*.jsonl"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-20])
    kept = third.stat().st_mtime_ns
    (output_of(job) / "00000001.jsonl.abc.part").write_text("torn")
    assert work_off(replace(job, resume=True)) == whole
    assert names_in(job) == rows
    assert third.stat().st_mtime_ns == kept
    assert {path.name for path in output_of(job).iterdir()} == {first.name, second.name, third.name, "_job"}


def test_new_images_do_not_move_the_units_of_a_job_that_goes_on(job: ShardedJob) -> None:
    units = begin(job)
    assert job.images.local is not None
    shutil.copy(job.images.local / "0.png", job.images.local / "00.png")
    assert begin(replace(job, resume=True)) == units
    assert len(begin(job)[0].entries) == 2, (
        "without a row there is nothing to go on with: the list is made anew"
    )
    assert [entry.name for unit in begin(job) for entry in unit.entries][:2] == ["0.png", "00.png"]


def test_a_list_that_is_gone_is_refused(job: ShardedJob) -> None:
    work_off(job)
    (output_of(job) / "_job" / "listing.json").unlink()
    with pytest.raises(InvalidOptionError, match=r"the list of images .* is gone"):
        begin(replace(job, resume=True))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda output: output.write_text("rows"), "is a file"),
        (lambda output: (output.mkdir(), (output / "photo.jpg").touch()), "photo.jpg is in it"),
        (lambda output: (output.mkdir(), (output / "00000000.jsonl").touch()), "has rows already"),
    ],
)
def test_places_for_no_shards(job: ShardedJob, spoil: Callable[[Path], object], reason: str) -> None:
    spoil(output_of(job))
    with pytest.raises(InvalidOptionError, match=reason):
        begin(job)


@pytest.mark.parametrize("selection", [Selection(), Selection(shuffle_seed=3), Selection(exclude=("1*",))])
def test_a_limit_takes_the_first_as_on_one_machine(job: ShardedJob, selection: Selection) -> None:
    units = begin(replace(job, selection=selection, limit=3))
    assert job.images.local is not None
    expected = [image.name for image in selection.of(list_images(job.images.local))][:3]
    assert [entry.name for unit in units for entry in unit.entries] == expected


def test_videos_are_named_and_left_out(job: ShardedJob) -> None:
    settings = work_of(job).settings
    prepare_output(job, settings, inspect_output(job, settings))
    left_out: list[LeftOut] = []
    assert list_units(job, lambda count: None, left_out.append) == Listing(5, 3, 1)
    assert left_out == [LeftOut("holiday.mp4", VIDEO)]


@pytest.mark.parametrize(
    ("name", "reason"), [("0.png", "is a file"), ("holiday.mp4", "is a video"), ("none", "there is none")]
)
def test_images_that_are_no_folder(job: ShardedJob, name: str, reason: str) -> None:
    with pytest.raises(InvalidOptionError, match=reason):
        check_images(storage_at(f"{job.images.address}/{name}", "images"))


def test_a_machine_that_sees_other_folders_does_no_work(job: ShardedJob, tmp_path: Path) -> None:
    begin(job)
    elsewhere = replace(job, images=storage_at(str(tmp_path / "elsewhere"), "images"))
    with pytest.raises(
        InvalidOptionError, match=r"has no folder .*elsewhere: name a folder that all machines share"
    ):
        ShardMaker(replace(work_of(job), job=elsewhere))
    (output_of(job) / SETTINGS).write_text("{}")
    with pytest.raises(InvalidOptionError, match="does not see the folder"):
        ShardMaker(work_of(job))
    (output_of(job) / SETTINGS).unlink()
    with pytest.raises(InvalidOptionError, match="does not see the folder"):
        ShardMaker(work_of(job))


def test_a_machine_with_another_version_or_model_does_no_work(job: ShardedJob) -> None:
    begin(job)
    work = work_of(job)
    with pytest.raises(InvalidOptionError, match=r"has digit-detector .*, not 99: install that there"):
        ShardMaker(replace(work, settings={**work.settings, "digit-detector": "99"}))
    with pytest.raises(ModelError, match="sha256"):
        ShardMaker(replace(work, model={**work.model, "weights.safetensors": b"damaged"}))


def test_another_runtime_and_another_format(job: ShardedJob, real_images: dict[str, Path]) -> None:
    job = replace(job, format="parquet")
    work = work_of(job, OPENVINO)
    assert "+openvino" in work.settings["model"]
    prepare_output(job, work.settings, inspect_output(job, work.settings))
    list_units(job, lambda count: None, lambda name: None)
    (line, *_) = read_lines(job.output, 0)
    found = ShardMaker(work).make(work_unit(line))
    expected = DigitDetector.load(runtime=OPENVINO).detect(real_images["31"].read_bytes())
    assert found.rows == 2
    assert found.digits > len(expected.digits) > 0
    assert (output_of(job) / "00000000.parquet").is_file()

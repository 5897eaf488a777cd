"""What a folder job refuses before any work is done, and that a refusal changes nothing."""

import os
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from detector.folders import FolderJob, plan_folder
from detector.folders.plan import plan_files
from detector.folders.report.pictures import MARK
from detector.results.errors import InvalidOptionError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """tmp_path/photos with two images, the working directory being tmp_path."""
    (tmp_path / "photos" / "street").mkdir(parents=True)
    for name in ("1.png", "street/2.png"):
        (tmp_path / "photos" / name).write_bytes(b"not looked at yet")
    (tmp_path / "file").write_text("a file, not a folder")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "photos", target_is_directory=True)
    return tmp_path / "photos"


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize(
    ("images", "output", "annotated", "field", "reason"),
    [
        ("nowhere", "out.jsonl", None, "images", "no such folder"),
        ("file", "out.jsonl", None, "images", "not a folder"),
        ("photos/1.png", "out.jsonl", None, "images", "an image, not a folder"),
        ("photos", "photos", None, "output", "the output is a folder"),
        ("photos", "pipe", None, "output", "the output is a pipe"),
        ("photos", "/dev/null", None, "output", "a device would be replaced by a file"),
        ("photos", "file/out.jsonl", None, "output", "the output's folder is a file"),
        ("photos", "/proc/none/out.jsonl", None, "output", "nothing can be made there"),
        ("photos", "photos/1.png", None, "output", "an image would be lost"),
        ("photos", "photos/new.JPG", None, "output", "the output would be read as an image the next time"),
        ("photos", "out.jsonl", "photos", "annotated", "the pictures would replace the images"),
        ("photos", "out.jsonl", "photos/../photos/", "annotated", "the same by another path"),
        ("photos", "out.jsonl", "link", "annotated", "the same by a link"),
        ("photos", "out.jsonl", ".", "annotated", "the pictures would mix with the images' folder"),
        ("photos", "out.jsonl", "file", "annotated", "the place is a file"),
        ("photos", "out.jsonl", "/proc/none", "annotated", "nothing can be made there"),
    ],
)
def test_refused_with_the_option_named_and_nothing_changed(
    photos: Path, images: str, output: str, annotated: str | None, field: str, reason: str
) -> None:
    root = photos.parent
    before = tree(root)
    job = FolderJob(root / images, root / output, None if annotated is None else root / annotated)
    with pytest.raises(InvalidOptionError) as refusal:
        plan_folder(job)
    assert refusal.value.field == field, reason
    assert tree(root) == before


@pytest.mark.parametrize("output", ["out.jsonl", "new/deep/out.jsonl", "photos/out.jsonl", "digits"])
def test_accepted_places_for_the_output(photos: Path, output: str) -> None:
    plan = plan_folder(FolderJob(photos, photos.parent / output))
    assert [image.name for image in plan.source.images] == ["1.png", "street/2.png"]
    assert not (photos.parent / output).exists(), "planning writes nothing"


def test_pictures_of_an_earlier_run_inside_the_images_are_not_read(photos: Path) -> None:
    (photos / "annotated").mkdir()
    (photos / "annotated" / "1.png").write_bytes(b"")
    plan = plan_folder(FolderJob(photos, photos / "out.jsonl", photos / "annotated"))
    assert [image.name for image in plan.source.images] == ["1.png", "street/2.png"]


def test_a_linked_output_is_written_where_it_points_to(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").symlink_to(tmp_path / "target.jsonl")
    plan = plan_folder(FolderJob(photos, tmp_path / "out.jsonl"))
    assert plan.job.output == (tmp_path / "target.jsonl").resolve()


@pytest.mark.parametrize(
    ("paths", "annotated", "reason"),
    [
        (["photos/1.png"], "photos", "the picture would replace the image"),
        (["photos/1.png", "other/1.png"], "out", "one picture would replace the other"),
        (["photos/1.png"], "file", "not a folder"),
        (["a.avif", "a.avif.jpg"], "out", "the first becomes a JPEG file"),
        (["other/a", "a.png"], "out", "the first becomes a PNG file"),
    ],
)
def test_single_images_refused(photos: Path, paths: list[str], annotated: str, reason: str) -> None:
    before = tree(photos.parent)
    with pytest.raises(InvalidOptionError, match="annotated"):
        plan_files([str(photos.parent / path) for path in paths], photos.parent / annotated)
    assert tree(photos.parent) == before, reason


@pytest.mark.parametrize(
    ("names", "collide"),
    [
        (("a.avif", "a.avif.jpg"), True),
        (("street/a.heic", "street/a.heic.jpg"), True),
        (("a.avif", "street/a.avif.jpg"), False),
        (("a.png", "a.png.jpg"), False),
    ],
)
def test_pictures_of_a_folder_that_would_share_a_name(
    photos: Path, tmp_path: Path, names: tuple[str, str], collide: bool
) -> None:
    for name in names:
        (photos / name).touch()
    plan_folder(FolderJob(photos, tmp_path / "out.jsonl"))
    job = FolderJob(photos, tmp_path / "out.jsonl", annotated=tmp_path / "annotated")
    with (
        pytest.raises(InvalidOptionError, match=f"would both become {names[1]}") if collide else nullcontext()
    ):
        plan_folder(job)


def test_single_images_keep_their_order_and_the_names_they_were_given(photos: Path) -> None:
    paths = [str(photos / "street" / "2.png"), "nowhere.png", str(photos / "1.png"), str(photos / "1.png")]
    assert [image.name for image in plan_files(paths, photos.parent / "out")] == paths


@pytest.mark.parametrize(
    ("report", "output", "annotated", "watch", "reason"),
    [
        ("photos", "out.jsonl", None, False, "the report would mix with the images"),
        (".", "out.jsonl", None, False, "other things are there, the images among them"),
        ("file", "out.jsonl", None, False, "the place is a file"),
        ("file/in", "out.jsonl", None, False, "nor can anything be made in a file"),
        ("gallery", "gallery/out.jsonl", None, False, "nothing but the report goes there, when all is done"),
        ("gallery", "out.jsonl", "gallery/annotated", False, "neither do other pictures"),
        ("gallery", "out.jsonl", None, True, "a watched folder has no end at which to make it"),
    ],
)
def test_a_report_that_could_not_be_made_in_the_end_is_refused_at_the_start(
    photos: Path, report: str, output: str, annotated: str | None, watch: bool, reason: str
) -> None:
    root = photos.parent
    job = FolderJob(
        photos,
        root / output,
        None if annotated is None else root / annotated,
        root / report,
        watch=watch,
    )
    with pytest.raises(InvalidOptionError) as refusal:
        plan_folder(job)
    assert refusal.value.field == "report", reason


def test_a_report_inside_the_images_is_not_read(photos: Path) -> None:
    (photos / "gallery" / "pictures").mkdir(parents=True)
    for name in ("000001.jpg", MARK):
        (photos / "gallery" / "pictures" / name).touch()
    plan = plan_folder(FolderJob(photos, photos / "out.jsonl", report=photos / "gallery"))
    assert [image.name for image in plan.source.remaining(Counter())] == ["1.png", "street/2.png"]

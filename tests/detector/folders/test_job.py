"""Whole folder jobs with the embedded model on real files, good and bad."""

import json
import os
import shutil
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import DetectOptions, DigitDetector, ImageDetections, ModelInfo
from detector.folders import FolderJob, FolderSummary, detect_folder, plan_folder
from detector.folders.rows import detections_row
from detector.images.decode import decode_image
from detector.images.draw import encode_image
from detector.results.errors import DetectorError, InvalidOptionError, ServiceUnavailableError
from detector.results.interface import AnyEncoded, ImageProgress

BAD_FILES = {
    "bad/empty.png": (b"", "IMAGE_EMPTY"),
    "bad/text.jpg": (b"not an image", "IMAGE_UNDECODABLE"),
    "bad/huge.bmp": (
        b"BM"
        + bytes(12)
        + (40).to_bytes(4, "little")
        + (10_001).to_bytes(4, "little") * 2
        + b"\1\0\x18\0"
        + bytes(24),
        "IMAGE_TOO_LARGE",
    ),
}


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    """tmp_path/photos: good images under difficult names, and bad ones."""
    root = tmp_path / "photos"
    for name, source in {
        "33.png": real_images["33"],
        "street/68.PNG": real_images["68"],
        "street/two\nlines.png": real_images["101"],
        os.fsdecode(b"street/latin \xe9.png"): real_images["31"],
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / name)
    for name, (content, _) in BAD_FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    (root / "bad" / "truncated.png").write_bytes(real_images["33"].read_bytes()[:-500])
    (root / "bad" / "dangling.png").symlink_to("nowhere")
    os.mkfifo(root / "bad" / "pipe.png")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "notes.txt").write_text("no image")
    return root


CODES = {name: code for name, (_, code) in BAD_FILES.items()} | {
    "bad/truncated.png": "IMAGE_UNDECODABLE",
    "bad/dangling.png": "IMAGE_UNREADABLE",
    "bad/pipe.png": "IMAGE_UNREADABLE",
}
GOOD = {
    "33.png": "33.png",
    "street/68.PNG": "street/68.PNG",
    "street/two\nlines.png": "street/two\nlines.png",
    os.fsdecode(b"street/latin \xe9.png"): "street/latin \\xe9.png",
}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_every_image_gets_its_row_in_order(photos: Path, embedded: DigitDetector, tmp_path: Path) -> None:
    summary = detect_folder(plan_folder(FolderJob(photos, tmp_path / "out.jsonl")), embedded)
    found = rows(tmp_path / "out.jsonl")
    assert [row["image"] for row in found] == sorted([*CODES, *GOOD.values()])
    assert {row["image"]: row["error"]["code"] for row in found if "error" in row} == CODES
    for name, text in GOOD.items():
        expected = detections_row(name, embedded.detect((photos / name).read_bytes()))
        assert next(row for row in found if row["image"] == text) == expected, (
            "what the detector says by itself"
        )
    assert summary == FolderSummary(
        rows=len(found),
        errors=len(CODES),
        digits=sum(len(row.get("digits", [])) for row in found),
        numbers=sum(len(row.get("numbers", [])) for row in found),
    )
    assert summary.digits > 0, "real digits were there to find"


def test_the_same_job_again_gives_the_same_bytes(photos: Path, embedded: DigitDetector) -> None:
    output = photos / "out.jsonl"
    job = FolderJob(photos, output, photos / "annotated")
    detect_folder(plan_folder(job), embedded)
    first = output.read_bytes()
    detect_folder(plan_folder(replace(job, overwrite=True)), embedded)
    assert output.read_bytes() == first
    assert sorted(path.name for path in photos.iterdir() if "out" in path.name) == [
        "out.jsonl",
        "out.jsonl.settings.json",
    ], "nothing else is left"


def test_annotated_pictures_mirror_the_tree(photos: Path, embedded: DigitDetector, tmp_path: Path) -> None:
    annotated = tmp_path / "annotated"
    detect_folder(plan_folder(FolderJob(photos, tmp_path / "out.jsonl", annotated)), embedded)
    written = {path.relative_to(annotated).as_posix() for path in annotated.rglob("*") if path.is_file()}
    assert written == set(GOOD)
    picture = decode_image((annotated / "33.png").read_bytes())
    assert min(picture.shape[:2]) > min(decode_image((photos / "33.png").read_bytes()).shape[:2])


def test_options_reach_the_detector(photos: Path, embedded: DigitDetector, tmp_path: Path) -> None:
    options = DetectOptions(score_threshold=1.0)
    summary = detect_folder(plan_folder(FolderJob(photos, tmp_path / "out.jsonl", options=options)), embedded)
    assert summary.digits == 0
    assert len(rows(tmp_path / "out.jsonl")) == len(CODES) + len(GOOD)


def test_a_folder_without_images_gives_an_empty_file(tmp_path: Path, embedded: DigitDetector) -> None:
    (tmp_path / "empty").mkdir()
    summary = detect_folder(plan_folder(FolderJob(tmp_path / "empty", tmp_path / "out.jsonl")), embedded)
    assert summary == FolderSummary()
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_link_in_the_annotated_folder_does_not_lead_out_of_it(
    photos: Path, embedded: DigitDetector, tmp_path: Path
) -> None:
    annotated = tmp_path / "annotated"
    annotated.mkdir()
    (annotated / "street").symlink_to(photos / "street", target_is_directory=True)
    before = (photos / "street" / "68.PNG").read_bytes()
    with pytest.raises(InvalidOptionError, match="leads out of"):
        detect_folder(plan_folder(FolderJob(photos, tmp_path / "out.jsonl", annotated)), embedded)
    assert (photos / "street" / "68.PNG").read_bytes() == before


class GoesAway:
    """The embedded detector behind a server that goes away after some images."""

    def __init__(self, detector: DigitDetector, after: int) -> None:
        self.detector = detector
        self.after = after

    def detect(self, image: bytes, options: DetectOptions | None = None) -> ImageDetections:
        return self.detector.detect(image, options)

    def detect_many(
        self,
        images: Iterable[AnyEncoded],
        options: DetectOptions | None = None,
        progress: ImageProgress | None = None,
    ) -> Generator[tuple[AnyEncoded, ImageDetections | DetectorError]]:
        yield from islice(self.detector.detect_many(images, options, progress), self.after)
        raise ServiceUnavailableError("127.0.0.1:50051 does not answer")

    def info(self) -> ModelInfo:
        return self.detector.info()


@pytest.mark.parametrize("after", [0, 2])
def test_a_server_that_goes_away_ends_the_job_and_loses_no_row(
    tmp_path: Path, embedded: DigitDetector, real_images: dict[str, Path], after: int
) -> None:
    job = FolderJob(next(iter(real_images.values())).parent, tmp_path / "out.jsonl")
    with pytest.raises(ServiceUnavailableError):
        detect_folder(plan_folder(job), GoesAway(embedded, after))
    assert len(rows(job.output)) == after
    detect_folder(plan_folder(replace(job, resume=True)), embedded)
    detect_folder(plan_folder(replace(job, output=tmp_path / "never-ended.jsonl")), embedded)
    assert job.output.read_bytes() == (tmp_path / "never-ended.jsonl").read_bytes()


def images_of_every_format(folder: Path, pixels: np.ndarray) -> Iterator[str]:
    for suffix in (".bmp", ".gif", ".jpg", ".png", ".tif", ".webp"):
        (folder / f"image{suffix}").write_bytes(encode_image(pixels, suffix))
        yield f"image{suffix}"


def test_every_format_goes_in_and_comes_out_annotated(
    tmp_path: Path, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    (tmp_path / "in").mkdir()
    names = list(images_of_every_format(tmp_path / "in", decode_image(real_images["68"].read_bytes())))
    job = FolderJob(tmp_path / "in", tmp_path / "out.jsonl", tmp_path / "annotated")
    assert detect_folder(plan_folder(job), embedded).errors == 0
    for name in names:
        assert decode_image((tmp_path / "annotated" / name).read_bytes()).ndim == 3

"""Folder jobs that an earlier release began: `--resume` refuses them with a clear word, and no row is touched."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from detector import __version__
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.run_settings import settings_path
from detector.results.errors import InvalidOptionError
from tests.detector.pictures import encode, scene
from tests.golden.fixed_results import FixedDetector

FORMER = "folder_job_of_version_0.1.jsonl"
"""In tests/data: the output of version 0.1.0, and the settings that it kept beside it."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(encode("PNG", scene(size=(64, 48))))
    return folder


def resume(photos: Path, output: Path) -> None:
    detect_folder(plan_folder(FolderJob(photos, output, resume=True)), FixedDetector())


def begin(photos: Path, output: Path) -> dict[str, Any]:
    """An output of this release with one row, and its settings."""
    detect_folder(plan_folder(FolderJob(photos, output, limit=1)), FixedDetector())
    settings: dict[str, Any] = json.loads(settings_path(output).read_bytes())
    return settings


def test_a_job_of_version_0_1_is_refused(photos: Path, tmp_path: Path, checkout: Path) -> None:
    output = tmp_path / "out.jsonl"
    shutil.copyfile(checkout / "tests" / "data" / FORMER, output)
    former = json.loads((checkout / "tests" / "data" / f"{FORMER}.settings.json").read_bytes())
    settings_path(output).write_text(json.dumps(former | {"images": str(photos.resolve())}))
    before = output.read_bytes(), settings_path(output).read_bytes()
    with pytest.raises(
        InvalidOptionError, match=r"digit-detector was 0\.1\.0, is .*go on with that release"
    ) as error:
        resume(photos, output)
    assert "location was not kept, is kept" in str(error.value), "a setting that it did not have"
    assert "--overwrite" in str(error.value)
    assert (output.read_bytes(), settings_path(output).read_bytes()) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digit-detector": "0.1.9"}, rf"digit-detector was 0\.1\.9, is {__version__}"),
        ({"options": {"max_detection_count": 5}}, "max_detection_count was 5, is not given.*use those again"),
        ({"thorough": True}, "thorough was given, is not given.*use those again"),
    ],
    ids=["another release", "an option by its former name", "a setting that is gone"],
)
def test_rows_of_settings_by_other_names_are_not_continued(
    photos: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    output = tmp_path / "out.jsonl"
    settings = begin(photos, output)
    settings_path(output).write_text(json.dumps(settings | change))
    rows = output.read_bytes()
    with pytest.raises(InvalidOptionError, match=said):
        resume(photos, output)
    assert output.read_bytes() == rows
    settings_path(output).write_text(json.dumps(settings))
    resume(photos, output)
    assert len(output.read_bytes().splitlines()) == 2

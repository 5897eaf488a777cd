"""One rule on what is a photograph, for all that learns from some, measures on them or hangs numbers on them."""

from pathlib import Path

import pytest

from tests.training.painted import PaintedDigitDetector, paint, write_png
from training.data.photographs import list_photographs, list_pictures, read_picture
from training.errors import DataError
from training.evaluation.evaluate import evaluate

NAMES = ("a.PNG", "b.jpg", "c.webp", "d.bmp")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photographs of several suffixes, a text, and a folder that is called as a photograph."""
    folder = tmp_path / "backgrounds" / "test"
    for name in NAMES:
        write_png(folder / name, paint(80, 80, []))
    (folder / "notes.txt").write_text("none")
    (folder / "e.png").mkdir()
    return folder


def test_photographs_are_told_by_their_suffix(photos: Path) -> None:
    assert [path.name for path in list_photographs(photos)] == list(NAMES)
    assert list_pictures(photos) == list_photographs(photos)


def test_evaluation_measures_all_of_them(photos: Path) -> None:
    figures = evaluate(PaintedDigitDetector(), photos.parent.parent, progress=False).photos
    assert figures is not None
    assert [path.name for path in figures.paths] == list(NAMES)


def test_where_there_are_none(tmp_path: Path) -> None:
    assert list_pictures(tmp_path / "nowhere") == list_pictures(tmp_path) == []
    with pytest.raises(DataError, match="nowhere is no folder"):
        list_photographs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no photographs"):
        list_photographs(tmp_path)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("none")
    with pytest.raises(DataError, match=r"a\.jpg: "):
        read_picture(tmp_path / "a.jpg")

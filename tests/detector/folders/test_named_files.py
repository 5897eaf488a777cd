"""Images as a command line names them: files, patterns, standard input; and what is said of the rest."""

import io
import sys
from pathlib import Path

import pytest

from detector.folders.listing import named_files
from detector.results.errors import ImageUnreadableError
from tests.detector.pictures import encode


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.jpg", "c.png", "sub/deep/d.jpg", "[1].jpg", "sub.jpg/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    ("argument", "names", "reason"),
    [
        ("a.jpg", ["a.jpg"], "a file"),
        ("*.jpg", ["[1].jpg", "a.jpg", "b.jpg"], "in order; a folder of such a name is no image"),
        ("**/d.jpg", ["sub/deep/d.jpg"], "any folders"),
        ("[ab].jpg", ["a.jpg", "b.jpg"], "letters"),
        ("[1].jpg", ["[1].jpg"], "a file of this very name goes first"),
        ("gone.jpg", ["gone.jpg"], "reported when it is read"),
    ],
)
def test_names(argument: str, names: list[str], reason: str) -> None:
    images = named_files([argument])
    assert [image.name for image in images] == names, reason
    assert [image.error for image in images] == [None] * len(names)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sub", "digit-detector detect-folder"),
        (".", "a folder"),
        ("*.webp", "no file matches"),
        ("[", "no file matches"),
    ],
)
def test_what_names_no_image_says_so(argument: str, message: str) -> None:
    (image,) = named_files([argument])
    with pytest.raises(ImageUnreadableError, match=message):
        image.read()


class _Piped(io.TextIOWrapper):
    """Standard input with these bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Piped(encode("PNG")))
    (image,) = named_files(["-"])
    assert (image.name, image.path.name) == ("-", "standard-input")
    assert image.read() == image.read() == encode("PNG")

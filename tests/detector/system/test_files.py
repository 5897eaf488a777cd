"""Files that are written whole: several writers side by side, and names as long as names can be."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from detector.system.files import whole_file, write_whole


def write_bit_by_bit(path: Path, content: bytes) -> None:
    with whole_file(path) as file:
        file.write(content)


@pytest.mark.parametrize("names", [("a" * 60 + "1", "a" * 60 + "2"), ("same.csv", "same.csv")])
def test_writers_side_by_side_keep_their_files_apart(tmp_path: Path, names: tuple[str, str]) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(whole_file(tmp_path / name)) for name in names]
        for name, file in zip(names, files, strict=True):
            file.write(name.encode())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: name for name in names}


def test_names_that_begin_alike_have_unfinished_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = []
    replace = Path.replace

    def noted(path: Path, target: Path) -> Path:
        unfinished.append(path.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", noted)
    for name in ("a" * 60 + "1", "a" * 60 + "2", "short"):
        write_whole(tmp_path / name, b"")
    assert len(set(unfinished)) == 3
    assert unfinished[2] == "short.part", "the next write takes the place of what a killed one leaves"


@pytest.mark.parametrize("write", [write_whole, write_bit_by_bit])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path, write: object) -> None:
    assert callable(write)
    path = tmp_path / ("\N{GRINNING FACE}" * 63 + "abc")
    write(path, b"content")
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, b"content")]


def test_work_that_fails_leaves_the_older_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with pytest.raises(TypeError):
        write_bit_by_bit(tmp_path / "a", "no bytes")  # type: ignore[arg-type]
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "older")]

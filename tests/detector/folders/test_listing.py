"""Which files are images of a folder job, and in what order, on real folders with all their oddities."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.folders.file_kinds import HIDDEN, SYSTEM, LeftOut, LeftOutCounts
from detector.folders.listing import list_images
from detector.images.formats import RAW, VIDEO
from tests.detector.pictures import encode


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(root: Path, *exclude: Path) -> list[str]:
    return [image.name for image in list_images(root, exclude)]


def test_images_are_told_by_their_endings_whatever_the_case(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a.jpg",
        "b.JPEG",
        "c.Png",
        "d.webp",
        "e.bmp",
        "f.tif",
        "g.TIFF",
        "h.gif",
        "notes.txt",
        "jpg",
        "i.mp4",
    )
    assert names(tmp_path) == ["a.jpg", "b.JPEG", "c.Png", "d.webp", "e.bmp", "f.tif", "g.TIFF", "h.gif"]


def test_order_is_that_of_the_relative_paths_as_text(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.png", "b-2.png", "a.png", "b/a/0.png", "B.png", "b.png", ".hidden/x.png")
    found = names(tmp_path)
    assert found == ["B.png", "a.png", "b-2.png", "b.png", "b/1.png", "b/a/0.png"]
    assert found == sorted(found)


def make_loop(root: Path) -> None:
    (root / "a" / "back").symlink_to(root, target_is_directory=True)


def make_two_loops(root: Path) -> None:
    (root / "a" / "to_b").symlink_to(root / "b", target_is_directory=True)
    (root / "b" / "to_a").symlink_to(root / "a", target_is_directory=True)


def make_link_to_itself(root: Path) -> None:
    (root / "a" / "self").symlink_to("self")


def make_early_link_to_late_folder(root: Path) -> None:
    (root / "0").symlink_to(root / "b", target_is_directory=True)


@pytest.mark.parametrize(
    "make", [make_loop, make_two_loops, make_link_to_itself, make_early_link_to_late_folder]
)
def test_links_add_nothing_to_what_is_there_anyway(tmp_path: Path, make: Callable[[Path], None]) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    make(tmp_path)
    assert names(tmp_path) == ["a/1.png", "b/2.png"]


def test_links_lead_to_folders_and_files_elsewhere(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/deep/1.png", "root/2.png")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "root" / "3.png").symlink_to(tmp_path / "elsewhere" / "deep" / "1.png")
    assert names(tmp_path / "root") == ["2.png", "3.png", "link/deep/1.png"]


def test_what_only_looks_like_an_image_is_listed_to_be_reported(tmp_path: Path) -> None:
    (tmp_path / "dangling.png").symlink_to("nowhere")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe.png")
    touch(tmp_path, "folder.png/inside.png")
    assert names(tmp_path) == ["dangling.png", "folder.png/inside.png", "pipe.png", "self.png"]


def test_an_excluded_folder_is_left_out_by_whatever_way_it_is_reached(tmp_path: Path) -> None:
    touch(tmp_path, "out/1.png", "2.png")
    (tmp_path / "link").symlink_to(tmp_path / "out", target_is_directory=True)
    assert names(tmp_path, tmp_path / "out", tmp_path / "not there") == ["2.png"]


def test_a_folder_that_vanishes_while_it_is_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "1.png", "gone/2.png")
    scandir = os.scandir

    def remove_then_scan(folder: Path) -> object:
        if folder == tmp_path / "gone":
            (folder / "2.png").unlink()
            folder.rmdir()
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", remove_then_scan)
    listing = list_images(tmp_path)
    assert [image.name for image in listing] == ["1.png", "gone"]
    assert listing[0].error is None
    assert listing[1].error is not None
    assert str(listing[1].error) == "the folder cannot be read: No such file or directory"


def test_many_files_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number:03}.jpg" for number in range(1000)))
    assert names(tmp_path) == [f"{number:03}.jpg" for number in range(1000)]


def by_content(root: Path) -> tuple[list[str], dict[str, str]]:
    """The images, and what is left out by kind."""
    noted: list[LeftOut] = []
    images = [image.name for image in list_images(root, note=noted.append, by_content=True)]
    return images, {left_out.name: left_out.kind for left_out in noted}


def test_content_tells_where_the_suffix_says_nothing(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JXL"):
        (tmp_path / kind).write_bytes(encode(kind))
    (tmp_path / "photo.jpg_large").write_bytes(encode("JPEG"))
    (tmp_path / "upload.part").write_bytes(encode("JPEG"))
    (tmp_path / "BM.txt").write_bytes(b"BM is how a bitmap begins, and this text")
    (tmp_path / "empty").touch()
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    os.mkfifo(tmp_path / "pipe")
    images, left_out = by_content(tmp_path)
    assert images == sorted(
        ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JXL", "photo.jpg_large"]
    )
    assert left_out == {}, "nobody misses these"
    assert names(tmp_path) == [], "files that are still arriving are told by their suffix alone"


def test_pictures_that_are_not_read_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.NEF").write_bytes(encode("TIFF"))
    (tmp_path / "b").write_bytes(encode("JPEG2000"))
    (tmp_path / "c.dat").write_bytes(b"\0\0\0\x18ftypqt  " + bytes(20))
    (tmp_path / "d.mov").touch()
    (tmp_path / "e.svg").write_text("<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>")
    images, left_out = by_content(tmp_path)
    assert images == []
    assert left_out == {
        "a.NEF": RAW, "b": "JPEG 2000 image", "c.dat": VIDEO, "d.mov": VIDEO, "e.svg": "SVG drawing"
    }  # fmt: skip


def test_what_systems_keep_beside_pictures_is_left_out(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(
            "1.jpg",
            "._1.jpg",
            ".hidden.png",
            ".DS_Store",
            ".thumbnails/t.png",
            "a/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg",
        ),
        *("#recycle/2.jpg", "$RECYCLE.BIN/3.jpg", "__MACOSX/._1.jpg", "a/dir.jpg/x.png", "@home/4.jpg"),
    )
    images, left_out = by_content(tmp_path)
    assert images == ["1.jpg", "@home/4.jpg", "a/dir.jpg/x.png"]
    assert left_out == {
        "._1.jpg": HIDDEN, ".hidden.png": HIDDEN, ".thumbnails": HIDDEN,
        "a/@eaDir": SYSTEM, "#recycle": SYSTEM, "$RECYCLE.BIN": SYSTEM, "__MACOSX": SYSTEM,
    }  # fmt: skip
    touch(tmp_path, ".album/5.jpg")
    assert names(tmp_path / ".album") == ["5.jpg"], "a hidden folder that is asked for"


def test_one_line_for_each_kind_that_is_left_out() -> None:
    counts = LeftOutCounts(LeftOut(name, RAW) for name in ("1.NEF", "2.NEF"))
    counts(LeftOut("clip\n.mp4", VIDEO))
    counts(LeftOut("._1.jpg", HIDDEN))
    hidden, raw, video = counts.lines()
    assert hidden == "1 hidden file or folder is left out, ._1.jpg"
    assert raw.startswith("2 raw photographs are not read, such as 1.NEF: convert it first")
    assert video.startswith("1 video is not read, clip\\n.mp4: --every 1s reads its frames")

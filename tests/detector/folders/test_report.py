"""The files of a report: which there are, what they take the place of, and that no name gets out of its quotes."""

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from detector import DigitDetector
from detector.cli.main import main
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.report import Report, write_report
from detector.folders.report.pictures import MARK, PICTURES, THUMBNAILS
from detector.folders.results_file import ResultsFile
from detector.images.decode import decode_image
from detector.images.draw import encode_image
from detector.results.errors import InvalidOptionError, ServiceUnavailableError
from tests.detector.folders.gallery_rows import HOSTILE, Row, error_row, made_row, write_images, write_rows
from tests.detector.folders.test_job import GoesAway
from tests.detector.pictures import encode

ROWS = [
    made_row("street/1.png", ("75", 0.9), ("8", 0.5)),
    error_row("broken.jpg"),
    made_row("2.png"),
]


def results(folder: Path, rows: list[Row]) -> ResultsFile:
    return ResultsFile(write_rows(folder / "digits.jsonl", rows))


def report(folder: Path, rows: list[Row] = ROWS, out: str = "report") -> Report:
    return write_report(results(folder, rows), folder / "photos", folder / out)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def size(path: Path) -> tuple[int, ...]:
    return decode_image(path.read_bytes()).shape[1::-1]


class Page(HTMLParser):
    """What a parser of HTML makes of a page: its elements, and the text in each."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, attributes = self.elements[-1]
            name = attributes.get("id") or tag
            self.texts[name] = self.texts.get(name, "") + data


def test_the_files_of_a_report(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS)
    done = report(tmp_path)
    assert done == Report(tmp_path / "report" / "index.html", images=3, missing=0)
    assert sorted(files(tmp_path / "report")) == [
        "index.html",
        f"pictures/{MARK}",
        "pictures/000001.jpg",
        "pictures/000003.jpg",
        f"thumbnails/{MARK}",
    ]
    shown = json.loads(Page(done.page).texts["rows"])
    assert [row["image"] for row in shown] == [row["image"] for row in ROWS]
    assert shown[0]["numbers"][0] == ["75", 0.9, [20.0, 5.0, 42.0, 25.0], [0, 1]]
    assert shown[0]["digits"][1] == [5, 0.9, [32.0, 5.0, 42.0, 25.0]]
    assert shown[1]["error"] == ROWS[1]["error"]


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS)
    report(tmp_path, out="a")
    report(tmp_path, out="b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_an_earlier_report_is_replaced_whole(tmp_path: Path) -> None:
    more = [*ROWS, made_row("3.png"), made_row("4.png")]
    write_images(tmp_path / "photos", more)
    report(tmp_path, more)
    report(tmp_path, ROWS)
    fresh = report(tmp_path, ROWS, "fresh")
    assert files(tmp_path / "report") == files(fresh.page.parent), "and no picture of the earlier one is left"


def test_a_report_that_was_broken_off_is_made_again(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS)
    report(tmp_path)
    (tmp_path / "report" / "index.html").rename(tmp_path / "report" / "index.html.part")
    report(tmp_path)
    assert "index.html" in files(tmp_path / "report")


def test_pictures_without_a_page_are_those_of_a_report_that_was_broken_off(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS)
    whole = files(report(tmp_path).page.parent)
    (tmp_path / "report" / "index.html").rename(tmp_path / "report" / f"index.html.{'0' * 32}.part")
    (tmp_path / "report" / "pictures" / "000009.jpg").touch()
    report(tmp_path)
    assert files(tmp_path / "report") == whole


def test_empty_folders_and_an_earlier_release_s_report_are_used(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS)
    for name in (PICTURES, THUMBNAILS):
        (tmp_path / "report" / name).mkdir(parents=True)
    whole = files(report(tmp_path).page.parent)
    for name in (PICTURES, THUMBNAILS):
        (tmp_path / "report" / name / MARK).unlink()
    report(tmp_path)
    assert files(tmp_path / "report") == whole


def test_large_images_get_a_picture_and_a_thumbnail_of_bounded_size(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (5000, 2500), (9, 99, 9)).save(tmp_path / "photos" / "1.png")
    row = made_row("1.png") | {"width_px": 5000, "height_px": 2500}
    page = report(tmp_path, [row]).page
    (shown,) = json.loads(Page(page).texts["rows"])
    assert size(page.parent / shown["picture"]) == (2048, 1024)
    assert size(page.parent / shown["thumbnail"]) == (480, 240)
    assert (page.parent / shown["original"]).samefile(tmp_path / "photos" / "1.png")


def test_the_picture_is_the_image_as_it_is_displayed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    exif = Image.Exif()
    exif[0x112] = 6
    turned = Image.new("RGB", (60, 20), (200, 0, 0))
    (tmp_path / "photos" / "1.jpg").write_bytes(encode("JPEG", turned, exif=exif.tobytes()))
    page = report(tmp_path, [made_row("1.jpg") | {"width_px": 20, "height_px": 60}]).page
    assert size(page.parent / "pictures" / "000001.jpg") == (20, 60)


def test_every_format_becomes_one_that_browsers_show(tmp_path: Path, real_images: dict[str, Path]) -> None:
    (tmp_path / "photos").mkdir()
    pixels = decode_image(real_images["31"].read_bytes())
    names = [f"a{suffix}" for suffix in (".bmp", ".gif", ".jpg", ".png", ".tif", ".webp")]
    for name in names:
        (tmp_path / "photos" / name).write_bytes(encode_image(pixels, Path(name).suffix))
    assert report(tmp_path, [made_row(name) for name in names]).missing == 0
    for line in range(1, 7):
        picture = tmp_path / "report" / "pictures" / f"{line:06}.jpg"
        assert picture.read_bytes().startswith(b"\xff\xd8\xff")
        assert size(picture) == pixels.shape[1::-1]


def test_images_that_are_gone_or_spoiled_by_now_have_no_picture(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", [ROWS[0]])
    (tmp_path / "photos" / "5.png").write_bytes(b"spoiled")
    (tmp_path / "photos" / "6.png").mkdir()
    rows = [*ROWS, made_row("5.png"), made_row("6.png")]
    done = report(tmp_path, rows)
    assert (done.images, done.missing) == (5, 3)
    assert ["picture" in row for row in json.loads(Page(done.page).texts["rows"])] == [True] + [False] * 4


def test_names_that_are_not_utf8_find_their_images(tmp_path: Path) -> None:
    row = made_row("latin \\xe9 and a literal \\xe9.png")
    write_images(tmp_path / "photos", [row])
    assert report(tmp_path, [row]).missing == 0, "the literal name is there"
    (tmp_path / "photos" / row["image"]).rename(tmp_path / "photos" / os.fsdecode(b"latin \xe9 and.png"))
    assert report(tmp_path, [made_row("latin \\xe9 and.png")]).missing == 0, (
        "the byte that the escape stands for"
    )


def test_no_name_becomes_markup(tmp_path: Path) -> None:
    rows = [*(made_row(name) for name in HOSTILE), *(error_row(name) for name in HOSTILE)]
    quiet = [made_row(f"{index}.png") for index in range(len(rows))]
    folder = tmp_path / "<!--<script>document.title='hacked'&amp;&lt;$rows"
    folder.mkdir()
    page = Page(write_report(results(tmp_path, rows), folder, tmp_path / "a").page)
    harmless = Page(write_report(results(tmp_path, quiet), tmp_path, tmp_path / "b").page)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert page.texts["title"].strip() == f"House numbers in {folder.name}"
    assert [row["image"] for row in json.loads(page.texts["rows"])] == HOSTILE * 2


def test_links_to_images_are_addresses_of_files_only(tmp_path: Path) -> None:
    rows = [made_row(name) for name in HOSTILE]
    write_images(tmp_path / "photos", rows)
    for row in json.loads(Page(report(tmp_path, rows).page).texts["rows"]):
        assert re.fullmatch(r"(\.\./)+photos/[A-Za-z0-9._~/%-]+", row["original"]), "no scheme, no query"


def test_the_page_may_run_its_own_scripts_only_and_fetch_nothing(tmp_path: Path) -> None:
    page = Page(report(tmp_path).page)
    policy = next(
        a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    references = [value for _, a in page.elements for name in ("src", "href") if (value := a.get(name))]
    assert set(references) == {"#results", "data:,"}


def foreign(folder: Path) -> None:
    (folder / "report").mkdir()
    (folder / "report" / "diary.txt").touch()


def foreign_page(folder: Path) -> None:
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("<h1>My own site</h1>")


def link_out(folder: Path) -> None:
    (folder / "report").mkdir()
    (folder / "elsewhere").mkdir()
    (folder / "report" / "pictures").symlink_to(folder / "elsewhere", target_is_directory=True)


def the_users_pictures(folder: Path) -> None:
    (folder / "report" / "pictures").mkdir(parents=True)
    (folder / "report" / "pictures" / "20240501.jpg").write_bytes(b"the only copy")


def a_file(folder: Path) -> None:
    (folder / "report").touch()


def the_images(folder: Path) -> None:
    (folder / "report").symlink_to(folder / "photos", target_is_directory=True)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (foreign, "holds other things, such as diary.txt"),
        (foreign_page, "holds other things, such as index.html"),
        (link_out, "holds other things, such as pictures"),
        (the_users_pictures, "holds other things, such as pictures"),
        (a_file, "cannot be used"),
        (the_images, "holds the images themselves"),
    ],
)
def test_folders_that_are_not_for_a_report(tmp_path: Path, prepare: object, reason: str) -> None:
    write_images(tmp_path / "photos", ROWS)
    results(tmp_path, ROWS)
    assert callable(prepare)
    prepare(tmp_path)
    before = files(tmp_path)
    with pytest.raises(InvalidOptionError, match=reason):
        report(tmp_path)
    assert files(tmp_path) == before


def test_bad_results_leave_no_page(tmp_path: Path) -> None:
    (tmp_path / "digits.jsonl").write_text("no row\n")
    with pytest.raises(InvalidOptionError, match="line 1 is not a row"):
        write_report(ResultsFile(tmp_path / "digits.jsonl"), tmp_path, tmp_path / "report")
    assert files(tmp_path / "report").keys() == {f"pictures/{MARK}", f"thumbnails/{MARK}"}


def test_a_job_that_was_interrupted_ends_with_the_report_of_one_that_was_not(
    tmp_path: Path, embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    photos = next(iter(real_images.values())).parent
    whole = FolderJob(photos, tmp_path / "whole.jsonl", report=tmp_path / "whole")
    detect_folder(plan_folder(whole), embedded)
    part = FolderJob(photos, tmp_path / "part.jsonl", report=tmp_path / "part")
    with pytest.raises(ServiceUnavailableError):
        detect_folder(plan_folder(part), GoesAway(embedded, after=2))
    assert not files(tmp_path / "part"), "no report of a part"
    detect_folder(plan_folder(replace(part, resume=True)), embedded)
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    (tmp_path / "part" / "index.html").unlink()
    detect_folder(plan_folder(replace(part, resume=True)), embedded)
    assert files(tmp_path / "part") == files(tmp_path / "whole"), "nor does it matter when it was broken off"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path / "photos", ROWS)
    rows = str(write_rows(tmp_path / "digits.jsonl", ROWS))
    out = str(tmp_path / "report")
    assert main(["report", rows, "--images", str(tmp_path / "photos"), "--out", out]) == 0
    assert capsys.readouterr().err == f"3 images: {out}/index.html\n"
    assert main(["report", rows, "--images", str(tmp_path), "--out", out]) == 0
    assert "2 are not in" in capsys.readouterr().err
    assert main(["report", rows, "--out", str(tmp_path)]) == 2
    assert "holds other things" in capsys.readouterr().err

"""The gallery's map in a real Chromium: where points are, what lights up, what is near, and what is asked of others."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpxpy.geo import haversine_distance

from detector.cli.main import main
from detector.folders.report import write_report
from detector.folders.results_file import ResultsFile
from detector.results.errors import InvalidOptionError
from tests.detector.browser import chromium
from tests.detector.folders.gallery_page import Gallery
from tests.detector.folders.gallery_rows import Row, made_row, write_images, write_rows

CENTRE = (52.52, 13.41)
TILES = "https://tiles.example.com/{z}/{x}/{y}.png?key=a&b"


def some_rows() -> list[Row]:
    """70 images along a road of 690 m to the north, so that two pages are full; every seventh has no position."""
    rows = []
    for index in range(70):
        place: dict[str, Any] = {"latitude": round(CENTRE[0] + index * 9e-5, 7), "longitude": CENTRE[1]}
        heading = {"heading_deg": 90.0} if index % 2 else {"magnetic_heading_deg": 180.0}
        known = (
            {}
            if index % 7 == 3
            else place | heading | {"accuracy_m": 4.0, "captured_at": "2026-05-01T10:00:00"}
        )
        rows.append(made_row(f"{index}.png", (str(index + 1), 0.9)) | known)
    return rows


ROWS = some_rows()
LOCATED = [row for row in ROWS if "latitude" in row]


def write_gallery(folder: Path, rows: list[Row], **options: Any) -> Path:
    write_images(folder / "photos", [row for row in rows if "frame" not in row])
    results = ResultsFile(write_rows(folder / "digits.jsonl", rows))
    return write_report(results, folder / "photos", folder / "gallery", **options).page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with chromium(tmp_path_factory.mktemp("chromium")) as window:
        yield Gallery(window)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gallery(tmp_path_factory.mktemp("gallery"), ROWS)


@pytest.fixture
def gallery(browser: Gallery, page: Path) -> Iterator[Gallery]:
    browser.open(page)
    browser.wait(lambda: browser.all(".spot"))
    yield browser
    assert browser.console() == [], "nothing went wrong, and nothing was refused"


def spots(gallery: Gallery) -> list[tuple[str, float, float]]:
    """The titles of the points and where they are in the drawing."""
    found: list[list[str]] = gallery.run(
        "return [...document.querySelectorAll('.spot')].map((s) => [s.querySelector('title').textContent, "
        "s.getAttribute('transform')])"
    )
    return [(title, *map(float, re.findall(r"-?[\d.]+", place))) for title, place in found]  # type: ignore[misc]


def act(gallery: Gallery, selector: str, index: int, event: str) -> None:
    gallery.run(
        "document.querySelectorAll(arguments[0])[arguments[1]].dispatchEvent(new MouseEvent(arguments[2]))",
        *(selector, index, event),
    )


def lit(gallery: Gallery, selector: str) -> list[int]:
    return gallery.run(  # type: ignore[no-any-return]
        "return [...document.querySelectorAll(arguments[0])].flatMap((e, i) => e.classList.contains('lit') ? [i] : [])",
        selector,
    )


def test_points_are_where_the_cameras_stood(gallery: Gallery) -> None:
    found = spots(gallery)
    shown = sum(1 + int((re.search(r"and (\d+) more", title) or [0, 0])[1]) for title, *_ in found)
    assert shown == len(LOCATED), "every image that has a position, also where points cover each other"
    assert len({round(x, 3) for _, x, _ in found}) == 1, "one road to the north is one line"
    heights = [y for *_, y in found]
    assert heights == sorted(heights, reverse=True), "north is up"


def test_the_scale_says_how_far_it_is(gallery: Gallery) -> None:
    found = spots(gallery)
    (_, _, south), (_, _, north) = found[0], found[-1]
    first, last = LOCATED[0], next(row for row in LOCATED if f": {row['image']}" in found[-1][0])
    assert (south - north) * metres_per_pixel(gallery) == pytest.approx(away(first, last), rel=0.01)


def metres_per_pixel(gallery: Gallery) -> float:
    """By the scale's bar and its text, which is a round number."""
    text = gallery.find(".scale text").text
    assert re.fullmatch(r"[125]0* m", text)
    bar = float(re.findall(r"H([\d.]+)", gallery.find(".scale path").get_attribute("d") or "")[0])
    assert 40 < bar <= 110
    return float(text.removesuffix(" m")) / bar


def test_a_line_shows_which_way_a_camera_looked(gallery: Gallery) -> None:
    gallery.find("#map-closer").click()
    headings = [line.get_attribute("transform") for line in gallery.all(".spot .heading:not(.magnetic)")]
    assert set(headings) == {"rotate(90)"}
    assert {line.get_attribute("transform") for line in gallery.all(".spot .magnetic")} == {"rotate(180)"}


def test_cards_and_points_light_each_other_up(gallery: Gallery) -> None:
    act(gallery, ".card", 4, "pointerenter")
    (spot,) = lit(gallery, ".spot")
    assert "5.png" in spots(gallery)[spot][0] or "4.png" in spots(gallery)[spot][0]
    act(gallery, ".card", 4, "pointerleave")
    assert lit(gallery, ".spot") == lit(gallery, ".card") == []
    act(gallery, ".spot", spot, "pointerenter")
    assert 4 in lit(gallery, ".card")
    act(gallery, ".card", 3, "pointerenter")
    assert lit(gallery, ".spot") == [], "an image without a position has no point"


def test_a_click_on_a_point_leads_to_its_card_and_measures_from_there(gallery: Gallery) -> None:
    last = len(spots(gallery)) - 1
    act(gallery, ".spot", last, "click")
    assert "page=2" in gallery.run("return location.hash")
    focused = gallery.run("return document.activeElement.closest('.card').querySelector('.name').textContent")
    assert focused in spots(gallery)[last][0]
    gallery.choose("within", "50")
    chosen = next(row for row in ROWS if row["image"] == focused)
    assert gallery.names() == [row["image"] for row in LOCATED if away(row, chosen) <= 50]
    assert gallery.all(".near"), "a circle shows how far that is"
    hash_ = gallery.run("return location.hash")
    gallery.window.refresh()
    gallery.wait(lambda: gallery.all(".spot"))
    assert gallery.run("return location.hash") == hash_
    assert len(gallery.names()) == len([row for row in LOCATED if away(row, chosen) <= 50]), (
        "kept in the address"
    )
    gallery.find("button[type=reset]").click()
    assert gallery.find("#count").text.startswith("70 images")


def away(a: Row, b: Row) -> float:
    return float(haversine_distance(a["latitude"], a["longitude"], b["latitude"], b["longitude"]))


def test_the_viewer_says_where_and_shows_what_is_near(gallery: Gallery) -> None:
    gallery.all(".open")[5].click()
    facts = gallery.find("#facts").text
    for text in ("2026-05-01 10:00:00", "52.52045, 13.41 ± 4 m", "looks 90° from true north"):
        assert text in facts
    gallery.find("#facts .near").click()
    assert gallery.names() == [row["image"] for row in LOCATED if away(row, ROWS[5]) <= 50]


def test_closer_farther_and_all(gallery: Gallery) -> None:
    whole, scale = spots(gallery), metres_per_pixel(gallery)
    for button, factor in (("closer", 0.5), ("closer", 0.25), ("farther", 0.5)):
        gallery.find(f"#map-{button}").click()
        assert metres_per_pixel(gallery) == pytest.approx(factor * scale, rel=0.001)
    gallery.find("#map-all").click()
    assert [place[1:] for place in spots(gallery)] == [pytest.approx(place[1:]) for place in whole]


def test_filters_narrow_the_map(gallery: Gallery) -> None:
    gallery.type_number("70")
    assert [title for title, *_ in spots(gallery)] == ["70: 69.png"]
    gallery.type_number("nothing")
    assert spots(gallery) == []


def test_nothing_is_fetched_but_pictures_of_the_folder(gallery: Gallery) -> None:
    assert not [address for address in gallery.requests() if not address.startswith(("file:", "data:"))]


def test_tiles_are_fetched_only_if_asked_for_and_from_that_server_alone(
    browser: Gallery, tmp_path: Path
) -> None:
    page = write_gallery(tmp_path, ROWS[:3], tiles=TILES)
    browser.open(page)
    browser.wait(lambda: browser.all("#map-drawing image"))
    browser.run("return new Promise((done) => setTimeout(done, 200))")
    asked = {address for address in browser.requests() if not address.startswith(("file:", "data:"))}
    assert asked
    level = 18
    for address in asked:
        found = re.fullmatch(r"https://tiles\.example\.com/(\d+)/(\d+)/(\d+)\.png\?key=a&b", address)
        assert found, address
        level = int(found[1])
        count = 2**level
        y = (1 - math.asinh(math.tan(math.radians(CENTRE[0]))) / math.pi) / 2 * count
        assert abs(int(found[2]) - (CENTRE[1] + 180) / 360 * count) < 3
        assert abs(int(found[3]) - y) < 3
    refused = [message for message in browser.console() if "Content Security Policy" in message]
    assert refused == [], "the page's policy allows that server"
    assert "Map: tiles.example.com" in browser.find(".map-note").text


def test_without_positions_there_is_no_map(browser: Gallery, tmp_path: Path) -> None:
    for name, rows, options in (
        ("none", [made_row("a.png", ("7", 0.9))], {}),
        ("stripped", ROWS[:3], {"strip_location": True}),
    ):
        page = write_gallery(tmp_path / name, rows, **options)
        browser.open(page)
        assert not browser.find("#map").is_displayed()
        assert len(browser.names()) == len(rows)
        assert browser.console() == []
        assert str(CENTRE[0]) not in page.read_text(encoding="utf-8")


def test_a_walk_over_the_antimeridian_is_not_torn(browser: Gallery, tmp_path: Path) -> None:
    rows = [
        made_row(f"{i}.png") | {"latitude": 1.0, "longitude": x} for i, x in enumerate((179.9999, -179.9999))
    ]
    browser.open(write_gallery(tmp_path, rows))
    browser.wait(lambda: browser.all(".spot"))
    (_, left, _), (_, right, _) = spots(browser)
    assert 0 < left < right < 500
    assert browser.find(".scale text").text in ("5 m", "10 m")


@pytest.mark.parametrize(
    "address",
    [
        "https://tiles.example.com/",
        "file:///tiles/{z}/{x}/{y}.png",
        "javascript:{z}{x}{y}",
        "https:///{z}/{x}/{y}.png",
        "https://a.example.com; script-src */{z}/{x}/{y}.png",
        "https://user@a.example.com/{z}/{x}/{y}.png",
        "https://{s}.example.com/{z}/{x}/{y}.png",
    ],
)
def test_what_is_no_address_of_tiles_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidOptionError, match="tiles: "):
        write_gallery(tmp_path, ROWS[:1], tiles=address)
    assert not (tmp_path / "gallery").exists()


def test_the_command_takes_both_options(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ROWS[:1])
    results = write_rows(tmp_path / "digits.jsonl", ROWS[:1])
    where = ["--images", str(tmp_path / "photos"), "--out", str(tmp_path / "out")]
    assert main(["report", str(results), *where, "--tiles", TILES, "--strip-location"]) == 0
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "tiles.example.com" in text
    assert str(CENTRE[0]) not in text

"""The gallery in a real Chromium: what a person sees, filters, sorts, clicks and reads in it."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from detector import DigitDetector
from detector.folders.report import write_report
from detector.folders.results_file import ResultsFile
from tests.detector.browser import chromium
from tests.detector.folders.gallery_page import Gallery
from tests.detector.folders.gallery_rows import (
    HEIGHT,
    HOSTILE,
    WIDTH,
    Row,
    error_row,
    made_row,
    write_images,
    write_rows,
)

PAGE_SIZE = 60


def some_rows() -> list[Row]:
    """150 rows: numbers of one to three digits, scores all over the scale, some images with two, some with none."""
    rows = []
    for index in range(150):
        first = (str(7 * index % 200), round((37 * index % 101) / 100, 4))
        second = (str(11 * index % 90), round((53 * index % 101) / 100, 4))
        numbers = [] if index % 10 == 3 else [first, second] if index % 4 == 1 else [first]
        rows.append(error_row(f"bad/{index}.png") if index % 25 == 7 else made_row(f"{index}.png", *numbers))
    return rows


ROWS = some_rows()
READ = [row for row in ROWS if "error" not in row]
SHOWN = sorted(ROWS, key=lambda row: not row.get("numbers"))
"""In the order of the page: images with numbers first."""


def write_gallery(folder: Path, rows: list[Row]) -> Path:
    write_images(folder / "photos", rows)
    results = ResultsFile(write_rows(folder / "digits.jsonl", rows))
    return write_report(results, folder / "photos", folder / "gallery").page


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
    yield browser
    assert browser.console() == [], "nothing went wrong, and nothing was refused"


def fitting(fits: Callable[[str, int], bool]) -> list[str]:
    """The names of the images that have a number which fits, by its text and its score in whole per cent."""
    return [row["image"] for row in READ if any(fits(n["text"], per_cent(n)) for n in row["numbers"])]


def per_cent(number: Row) -> int:
    return int(number["score"] * 100 + 1e-9)


def total(gallery: Gallery) -> int:
    """How many images the page says there are to see."""
    found = re.match(r"[\d,]+", gallery.find("#count").text)
    return int(found.group().replace(",", "")) if found else 0


def test_totals_and_histograms(gallery: Gallery) -> None:
    tiles = dict(tile.text.split("\n") for tile in gallery.all(".tile"))
    numbers = [number for row in READ for number in row["numbers"]]
    digits = [digit["label"] for row in READ for digit in row["digits"]]
    assert {name: int(count) for name, count in tiles.items()} == {
        "images": 150,
        "with numbers": sum(bool(row["numbers"]) for row in READ),
        "numbers": len(numbers),
        "digits": len(digits),
        "not read": len(ROWS) - len(READ),
    }
    bars = {
        chart: [
            int((bar.get_attribute("title") or "").rsplit(": ")[1])
            for bar in gallery.all(f"#{chart}-bars .bar")
        ]
        for chart in ("score", "digit", "length")
    }
    tallest = max(bars["digit"])
    ticks = [int(tick.text) for tick in gallery.all("#digit-bars .tick")]
    assert ticks[-1] == 0
    assert tallest <= ticks[0] <= 1.6 * tallest
    assert bars["score"] == [sum(min(9, per_cent(n) // 10) == tenth for n in numbers) for tenth in range(10)]
    assert bars["digit"] == [digits.count(digit) for digit in range(10)]
    assert bars["length"] == [sum(len(n["text"]) == length for n in numbers) for length in range(1, 7)]


def test_a_bar_filters_for_what_it_counts(gallery: Gallery) -> None:
    gallery.all("#score-bars .bar")[4].click()
    assert total(gallery) == len(fitting(lambda text, score: 40 <= score <= 49))
    gallery.find("button[type=reset]").click()
    gallery.all("#digit-bars .bar")[8].click()
    assert total(gallery) == len(fitting(lambda text, score: "8" in text))


def test_filter_by_number(gallery: Gallery) -> None:
    gallery.type_number("7")
    assert gallery.names() == fitting(lambda text, score: "7" in text)
    gallery.find("input[name=whole]").click()
    assert gallery.names() == fitting(lambda text, score: text == "7")
    gallery.type_number("12345")
    assert gallery.names() == []
    assert "Nothing here" in gallery.find("#count").text
    gallery.find("button[type=reset]").click()
    assert total(gallery) == len(ROWS)


def test_a_card_shows_the_numbers_that_are_asked_for(gallery: Gallery) -> None:
    gallery.type_number("8")
    plates = gallery.run(
        "return [...document.querySelectorAll('.card')].map((card) =>"
        " [...card.querySelectorAll('.plate, svg text')].map((e) => e.textContent))"
    )
    assert len(plates) == len(fitting(lambda text, score: "8" in text))
    assert all("8" in text for texts in plates for text in texts)
    assert "+1" in [more.text for more in gallery.all(".more")], "and says that there are others"


def test_filter_by_score(gallery: Gallery) -> None:
    gallery.slide("min", 80)
    assert gallery.names() == fitting(lambda text, score: score >= 80)
    gallery.slide("max", 85)
    assert gallery.names() == fitting(lambda text, score: 80 <= score <= 85)
    assert gallery.find("#min-text").text == "0.80"
    gallery.slide("max", 20)  # the other end goes along: the range is never empty
    assert gallery.find("#min-text").text == "0.20"
    assert gallery.names() == fitting(lambda text, score: score == 20)


def test_the_score_slider_moves_by_the_keyboard(gallery: Gallery) -> None:
    gallery.find("input[name=min]").send_keys(Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert gallery.find("#min-text").text == "0.98"
    assert gallery.names() == fitting(lambda text, score: score >= 98)


def test_number_and_score_must_fit_the_same_number(gallery: Gallery) -> None:
    gallery.type_number("1")
    gallery.slide("min", 90)
    expected = fitting(lambda text, score: "1" in text and score >= 90)
    apart = set(fitting(lambda text, score: "1" in text)) & set(fitting(lambda text, score: score >= 90))
    assert gallery.names() == expected
    assert apart - set(expected), "an image with two numbers shows the difference"


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("numbers", [row["image"] for row in READ if row["numbers"]]),
        ("none", [row["image"] for row in READ if not row["numbers"]]),
        ("errors", [row["image"] for row in ROWS if "error" in row]),
    ],
)
def test_filter_by_kind(gallery: Gallery, show: str, expected: list[str]) -> None:
    gallery.choose("show", show)
    assert gallery.names() == expected[:PAGE_SIZE]
    assert total(gallery) == len(expected)
    field = gallery.find("input[name=number]")
    assert gallery.run("return arguments[0].matches(':disabled')", field) == (show != "numbers")


def test_errors_are_listed_with_their_reasons(gallery: Gallery) -> None:
    gallery.choose("show", "errors")
    texts = [card.text for card in gallery.all(".card")]
    assert len(texts) == len(ROWS) - len(READ)
    for row, text in zip((row for row in ROWS if "error" in row), texts, strict=True):
        assert "IMAGE_UNDECODABLE" in text
        assert row["error"]["message"] in text


ORDERS = {
    "sure": lambda row: -max(number["score"] for number in row["numbers"]),
    "unsure": lambda row: min(number["score"] for number in row["numbers"]),
    "number": lambda row: min(int(number["text"]) for number in row["numbers"]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_sort(gallery: Gallery, order: str) -> None:
    gallery.choose("sort", order)
    with_numbers = sorted((row for row in READ if row["numbers"]), key=ORDERS[order])
    expected = [row["image"] for row in with_numbers]
    rest = [row["image"] for row in ROWS if row["image"] not in expected]
    seen = gallery.names()
    while gallery.find("#next").is_enabled():
        gallery.find("#next").click()
        seen += gallery.names()
    assert seen == expected + rest


def test_sorting_goes_by_the_numbers_that_are_asked_for(gallery: Gallery) -> None:
    gallery.type_number("8")
    gallery.choose("sort", "sure")
    asked = {
        row["image"]: max((n["score"] for n in row["numbers"] if "8" in n["text"]), default=None)
        for row in READ
    }
    expected = sorted(
        (name for name, score in asked.items() if score is not None), key=lambda name: -asked[name]
    )
    assert gallery.names() == expected


def test_the_order_of_the_results_has_images_without_numbers_where_they_are(gallery: Gallery) -> None:
    assert gallery.names() == [row["image"] for row in SHOWN[:PAGE_SIZE]]
    gallery.choose("sort", "order")
    assert gallery.names() == [row["image"] for row in ROWS[:PAGE_SIZE]]
    assert ROWS[:PAGE_SIZE] != SHOWN[:PAGE_SIZE]


def test_pages(gallery: Gallery) -> None:
    assert gallery.names() == [row["image"] for row in SHOWN[:60]]
    assert gallery.find("#count").text == "150 images, 1 to 60 here"
    assert not gallery.find("#previous").is_enabled()
    gallery.find("#last").click()
    assert gallery.names() == [row["image"] for row in SHOWN[120:]]
    assert not gallery.find("#next").is_enabled()
    gallery.find("#previous").click()
    assert gallery.names() == [row["image"] for row in SHOWN[60:120]]
    number = gallery.find("#page")
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys("99", Keys.ENTER)
    assert gallery.names() == [row["image"] for row in SHOWN[120:]], "the last page is as far as it goes"
    gallery.type_number("199")
    assert not gallery.find("#pages").is_displayed(), "one page needs no leafing"


def test_the_address_keeps_what_is_asked_for(gallery: Gallery) -> None:
    gallery.type_number("1")
    gallery.slide("min", 30)
    gallery.choose("sort", "unsure")
    before = gallery.names()
    gallery.window.refresh()
    assert gallery.names() == before
    assert gallery.find("input[name=number]").get_attribute("value") == "1"


@pytest.mark.parametrize(
    "asks", ["#sort=constructor&page=-5&min=NaN", "#__proto__=1&page=1e99", "#%00&show=", "#min=900"]
)
def test_any_address_shows_a_page(browser: Gallery, page: Path, asks: str) -> None:
    browser.open(page, asks=asks)
    assert browser.find("#count").text
    assert browser.console() == []


def test_boxes_and_numbers_stand_where_they_are_in_the_image(gallery: Gallery) -> None:
    row, card = next(
        (r, c) for r, c in zip(SHOWN, gallery.all(".card"), strict=False) if len(r.get("numbers", "")) == 2
    )
    gallery.run("arguments[0].scrollIntoView();", card)
    gallery.wait(lambda: gallery.run("return arguments[0].querySelector('img').complete", card))
    places = """
        const picture = arguments[0].querySelector("img").getBoundingClientRect();
        return [...arguments[0].querySelectorAll(arguments[1])].map((shape) => {
          const box = shape.getBoundingClientRect();
          return [box.left - picture.left, box.top - picture.top, box.right - picture.left, box.bottom - picture.top]
            .map((edge, index) => edge / [picture.width, picture.height][index % 2]);
        });"""
    for selector, boxes, margin in (
        ("rect.digit", [digit["box"] for digit in row["digits"]], 2.0),
        ("rect.number:not(.tag)", [number["box"] for number in row["numbers"]], 4.0),
    ):
        drawn = gallery.run(places, card, selector)
        assert len(drawn) == len(boxes)
        for place, box in zip(drawn, boxes, strict=True):
            pixels = [part * (WIDTH, HEIGHT)[index % 2] for index, part in enumerate(place)]
            assert pixels == pytest.approx(box, abs=margin)
    best_first = sorted(row["numbers"], key=lambda number: -number["score"])
    tags = card.find_elements("css selector", "svg text")
    assert [tag.text for tag in tags] == [number["text"] for number in best_first]
    gallery.find("#boxes").click()
    assert not card.find_element("css selector", "svg").is_displayed()


def test_a_click_opens_the_image_at_full_size(gallery: Gallery) -> None:
    gallery.all(".open")[0].click()
    viewer = gallery.find("#viewer")
    assert viewer.is_displayed()
    assert gallery.find("#viewer-name").text == SHOWN[0]["image"]
    picture = gallery.find("#stage img")
    gallery.wait(lambda: gallery.run("return arguments[0].complete", picture))
    assert gallery.run("return [arguments[0].naturalWidth, arguments[0].naturalHeight]", picture) == [
        WIDTH,
        HEIGHT,
    ]
    assert len(gallery.all("#stage rect.digit:not(.tag)")) == len(SHOWN[0]["digits"])
    width = picture.rect["width"]
    assert width > 5 * WIDTH, "small images are enlarged"
    gallery.find("#zoom-in").click()
    assert picture.rect["width"] == pytest.approx(1.5 * width, rel=0.01)
    link = gallery.find("#facts a").get_attribute("href") or ""
    assert Path(unquote(urlsplit(link).path)).samefile(gallery_folder(gallery) / "photos" / SHOWN[0]["image"])


def gallery_folder(gallery: Gallery) -> Path:
    return Path(unquote(urlsplit(gallery.window.current_url).path)).parent.parent


def test_the_page_says_what_found_the_numbers_and_with_which_thresholds(
    browser: Gallery, tmp_path: Path, embedded: DigitDetector
) -> None:
    info = embedded.info()
    rows = [made_row("a.png", ("75", 0.968)) | {"model": f"{info.name} {info.version}"}]
    write_images(tmp_path / "photos", rows)
    results = write_rows(tmp_path / "digits.jsonl", rows)
    os.utime(results, (1_780_000_000, 1_780_000_000))
    settings = results.with_name("digits.jsonl.settings.json")
    shown = []
    for options in (None, {}, {"score_threshold": 0.3}):
        if options is not None:
            settings.write_text(json.dumps({"options": options}), encoding="ascii")
        browser.open(write_report(ResultsFile(results), tmp_path / "photos", tmp_path / "gallery").page)
        shown.append(browser.find("#origin-text").text)
        assert browser.find(".card .score").text == "96%", "the built-in model's scores are calibrated"
    found = f"Found by {info.name} {info.version} on 28 May 2026"
    assert shown == [
        f"{found}.",
        f"{found}, with the model's own thresholds.",
        f"{found}: digits with a score of 30% or more.",
    ]
    rows[0]["model"] = "mine 1"
    browser.open(write_gallery(tmp_path / "other", rows))
    assert browser.find(".card .score").text == "0.96", "of others nobody knows"


def test_the_close_up_names_each_digit(gallery: Gallery) -> None:
    index = next(i for i, row in enumerate(SHOWN) if len(row["numbers"][0]["text"]) == 3)
    gallery.all(".open")[index].click()
    number = SHOWN[index]["numbers"][0]
    score = f"{per_cent(number) / 100:.2f}"
    assert gallery.find(".finding .digits").text.split() == [
        part for d in number["text"] for part in (d, score)
    ]
    assert [tag.text for tag in gallery.all("#stage .letters")][1:4] == [
        f"{d}: {score}" for d in number["text"]
    ]


def test_a_click_on_a_number_shows_it_large_and_in_the_middle(gallery: Gallery) -> None:
    index = next(i for i, row in enumerate(SHOWN) if len(row.get("numbers", "")) == 2)
    gallery.all(".open")[index].click()
    gallery.all(".finding")[1].click()
    box = "rect.number:not(.tag)"
    shown = gallery.run(
        f"const [box] = [...document.querySelectorAll('#stage {box}')].slice(-1);"
        "return [box.getBoundingClientRect(), document.getElementById('stage').getBoundingClientRect()]"
    )
    (number, stage) = shown
    assert stage["left"] <= number["left"] <= number["right"] <= stage["right"]
    assert stage["top"] <= number["top"] <= number["bottom"] <= stage["bottom"]
    assert number["height"] > 100


def test_the_viewer_by_keyboard(gallery: Gallery) -> None:
    gallery.run("document.querySelectorAll('.open')[58].focus()")
    gallery.press(Keys.ENTER)
    assert gallery.find("#viewer-place").text == "59 of 150"
    for _ in range(3):
        gallery.press(Keys.ARROW_RIGHT)
    assert gallery.find("#viewer-name").text == SHOWN[61]["image"]
    gallery.press(Keys.ARROW_LEFT)
    assert gallery.find("#viewer-name").text == SHOWN[60]["image"]
    gallery.press(Keys.ESCAPE)
    gallery.wait(lambda: not gallery.find("#viewer").is_displayed())
    gallery.wait(lambda: gallery.names()[0] == SHOWN[60]["image"])  # the page of the last image that was seen
    gallery.wait(lambda: SHOWN[60]["image"] in gallery.window.switch_to.active_element.text)


def test_the_viewer_leafs_through_what_is_asked_for(gallery: Gallery) -> None:
    gallery.choose("show", "errors")
    gallery.all(".open")[0].click()
    assert gallery.find("#viewer-place").text == f"1 of {len(ROWS) - len(READ)}"
    assert not gallery.find("#viewer-previous").is_enabled()
    gallery.find("#viewer-next").click()
    assert ROWS[32]["error"]["message"] in gallery.find("#stage").text
    gallery.find("#viewer-close").click()
    assert not gallery.find("#viewer").is_displayed()


def test_nothing_but_files_is_asked_for(browser: Gallery, page: Path) -> None:
    browser.open(page)
    browser.all(".open")[0].click()
    browser.wait(lambda: browser.run("return document.querySelector('#stage img').complete"))
    addresses = browser.requests()
    assert any(address.endswith("/pictures/000001.jpg") for address in addresses)
    assert not [a for a in addresses if not a.startswith(("file:", "data:"))]


def test_hostile_names_are_shown_as_they_are(browser: Gallery, tmp_path: Path) -> None:
    rows = [*(made_row(name, ("7", 0.5)) for name in HOSTILE), *(error_row(name) for name in HOSTILE)]
    browser.open(write_gallery(tmp_path, rows))
    title = browser.window.title
    assert browser.names() == HOSTILE * 2
    elements = browser.run(
        "return document.querySelectorAll('script, style, img[onerror], svg[onload]').length"
    )
    assert elements == 4, "the page's own style, script, rows and origin"
    for index, name in enumerate(HOSTILE):
        browser.run("document.querySelectorAll('.open')[arguments[0]].click()", index)
        assert browser.run("return document.getElementById('viewer-name').textContent") == name
        link = browser.find("#facts a").get_attribute("href") or ""
        assert link.startswith("file:")
        assert Path(unquote(urlsplit(link).path)).samefile(tmp_path / "photos" / name)
        browser.find("#viewer-close").click()
    assert browser.window.title == title == "House numbers in photos"
    assert browser.console() == []


BACKGROUND = "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_follow_the_system_and_can_be_read(browser: Gallery, page: Path, dark: bool) -> None:
    browser.open(page, dark=dark)
    assert (sum(browser.run(BACKGROUND)) < 150) == dark
    faint = browser.faint_texts()
    browser.all(".open")[0].click()
    assert faint + browser.faint_texts() == []


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_all_in_its_width(browser: Gallery, page: Path, width: int) -> None:
    browser.open(page, width=width, height=844, dark=True)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert not browser.find("input[name=number]").is_displayed(), "the filters are folded"
    browser.find("#filter-box summary").click()
    cards = browser.run("return document.querySelectorAll('.card')[0].getBoundingClientRect().width")
    assert cards >= 140
    for control in browser.all("form input, form select, form button"):
        assert control.rect["x"] >= 0
        assert control.rect["x"] + control.rect["width"] <= width
    browser.all(".open")[0].click()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    for button in browser.all("#viewer .tools button"):
        assert 0 <= button.rect["x"] <= width - button.rect["width"]
    close = browser.find("#viewer-close").rect
    assert close["x"] + close["width"] > width - 20, "at the right edge"
    assert browser.find("#stage img").rect["width"] <= width


def test_every_control_says_what_it_is(gallery: Gallery) -> None:
    controls = [each for each in gallery.all("button, input, select, a[href]") if each.is_displayed()]
    assert len(controls) > 80
    assert not [control.get_attribute("outerHTML") for control in controls if not name_of(control)]
    assert "75%" not in gallery.find(".open").accessible_name
    gallery.all(".open")[0].click()
    assert gallery.find("#viewer").aria_role == "dialog"
    assert gallery.find("#stage img").get_attribute("alt") == "numbers found: 0"
    assert {button.accessible_name for button in gallery.all("#viewer .tools button")} == {
        "Smaller",
        "Larger",
        "Previous image",
        "Next image",
        "Close",
    }


def name_of(control: object) -> str:
    return str(getattr(control, "accessible_name", ""))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    rows = [made_row(f"{i // 100}/{i}.png", (str(i), (i * 7919 % 10_001) / 10_000)) for i in range(10_000)]
    return write_gallery(tmp_path_factory.mktemp("large"), rows), rows


@pytest.mark.slow
def test_ten_thousand_images_are_as_handy_as_ten(browser: Gallery, large: tuple[Path, list[Row]]) -> None:
    page, rows = large
    browser.open(page)
    assert len(browser.names()) == PAGE_SIZE
    assert browser.find("#count").text == "10,000 images, 1 to 60 here"
    loaded = [address for address in browser.requests() if "/pictures/" in address]
    assert 0 < len(loaded) < PAGE_SIZE, "what is out of sight is not loaded"
    browser.type_number("9876")
    assert browser.names() == ["98/9876.png"]
    browser.find("button[type=reset]").click()
    browser.choose("sort", "sure")
    expected = sorted(rows, key=lambda row: -row["numbers"][0]["score"])
    assert browser.names() == [row["image"] for row in expected[:PAGE_SIZE]]
    browser.find("#last").click()
    assert browser.names() == [row["image"] for row in expected[9960:]]
    assert browser.console() == []

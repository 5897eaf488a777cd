"""The page in a real Chromium: pictures go in, numbers come out, by mouse, by keyboard and on a phone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from detector import DetectOptions, DigitDetector
from detector.results.interface import MAX_MESSAGE_BYTES
from tests.detector.browser import BrowserPage, chromium
from tests.detector.web.pictures import blank_png


class TryPage(BrowserPage):
    """The page that `digit-detector web` serves."""

    def upload(self, path: Path, field: str = "file") -> None:
        self.find(f"#{field}").send_keys(str(path))

    def wait_for_result(self, name: str) -> None:
        """Waits until the picture of this name has its result."""
        self.wait(lambda: self.find("#status").text.startswith(f"{name}: "))

    def wait_for_problem(self) -> str:
        self.wait(lambda: self.find("#problem").is_displayed())
        return self.find("#problem").text

    def numbers(self) -> list[str]:
        return self.texts("#numbers .plate")

    def digits(self) -> list[str]:
        return self.texts("#digits button b")

    def texts(self, selector: str) -> list[str]:
        """The texts of elements at one moment: a new result replaces them."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
        )
        return found

    def drop(self, name: str, content: bytes) -> None:
        """Drops a file on the page, as from a folder."""
        self.run(
            """
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(arguments[1])], arguments[0]));
            for (const type of ["dragover", "drop"]) {
              const event = new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true});
              document.querySelector("main").dispatchEvent(event);
              if (!event.defaultPrevented) throw new Error("the browser would open the file instead");
            }""",
            name,
            list(content),
        )

    def press(self, *keys: str) -> None:
        """As the keyboard does; keys that are sent to a file's field would be paths."""
        ActionChains(self.window).send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        """Presses Tab until the element has the focus."""
        for _ in range(60):
            self.press(Keys.TAB)
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
        raise AssertionError(f"Tab does not come to {selector}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TryPage]:
    with chromium(tmp_path_factory.mktemp("chromium")) as window:
        yield TryPage(window)


@pytest.fixture
def page(browser: TryPage, address: str) -> Iterator[TryPage]:
    browser.visit(address)
    yield browser
    assert browser.console() == [], "nothing went wrong, and nothing was refused by the page's policy"


@pytest.fixture(scope="module")
def picture(real_images: dict[str, Path]) -> Path:
    return real_images["68"]


@pytest.mark.parametrize("field", ["file", "camera"])
def test_a_chosen_picture_is_shown_with_its_numbers(page: TryPage, picture: Path, field: str) -> None:
    page.upload(picture, field)
    page.wait_for_result(picture.name)
    assert page.numbers() == ["68"]
    assert page.digits() == ["6", "8"]
    assert page.find("#picture img").get_attribute("alt") == "1 number: 68"
    assert page.run("return document.querySelector('#picture img').naturalWidth") == 190
    assert len(page.all("#picture rect.digit:not(.tag)")) == 2


def test_the_camera_is_asked_for_on_phones(page: TryPage) -> None:
    camera = page.find("#camera")
    assert camera.get_attribute("capture") == "environment"
    assert camera.get_attribute("accept") == "image/*"


def test_boxes_are_where_the_digits_are(page: TryPage, picture: Path, embedded: DigitDetector) -> None:
    page.upload(picture)
    page.wait_for_result(picture.name)
    drawn = page.run(
        """
        const image = document.querySelector("#picture img").getBoundingClientRect();
        return [...document.querySelectorAll("#picture rect.digit:not(.tag)")].map((rect) => {
          const box = rect.getBoundingClientRect();
          return [box.left - image.left, box.top - image.top, box.right - image.left, box.bottom - image.top]
            .map((edge) => edge * 190 / image.width);
        })"""
    )
    found = embedded.detect(picture.read_bytes()).digits
    assert drawn == [pytest.approx(digit.box, abs=1.5) for digit in found]


def test_a_dropped_picture_is_read(page: TryPage, picture: Path) -> None:
    page.drop("dropped.png", picture.read_bytes())
    page.wait_for_result("dropped.png")
    assert page.numbers() == ["68"]


def test_a_format_that_the_browser_does_not_show_is_shown_as_jpeg(
    page: TryPage, picture: Path, tmp_path: Path
) -> None:
    """HEIC, as an iPhone takes it: Chromium shows none."""
    image = Image.open(picture).convert("RGB")
    heic = pillow_heif.from_bytes("RGB", image.size, image.tobytes())
    heic.save(tmp_path / "phone.heic", quality=95)
    page.upload(tmp_path / "phone.heic")
    page.wait_for_result("phone.heic")
    assert page.numbers() == ["68"]
    page.wait(lambda: page.run("return document.querySelector('#picture img').naturalWidth") == 190)
    page.all("#digits button")[0].click()
    page.find("[name=exhaustive]").click()
    page.wait_for_result("phone.heic")
    assert page.run("return document.querySelector('#picture img').naturalWidth") == 190, "it stays"


def test_the_samples_are_read(page: TryPage) -> None:
    sample = page.find("#samples li:nth-child(8) button")
    assert sample.accessible_name == "sample 8: 415"
    sample.click()
    page.wait_for_result("svhn_train_1345.png")
    assert page.numbers() == ["415"]


def test_the_thresholds_are_those_that_are_asked_for(
    page: TryPage, checkout: Path, embedded: DigitDetector
) -> None:
    path = checkout / "docs/images/photographs_missed.jpg"  # full of faint digits
    page.upload(path)
    page.wait_for_result(path.name)
    default = [number.text for number in embedded.detect(path.read_bytes()).numbers]
    assert page.numbers() == default
    counts = [len(page.digits())]
    page.run("document.querySelector('[name=score]').value = 1")
    page.find("[name=rule][value=score]").click()
    for exhaustive in (False, True):
        options = DetectOptions(score_threshold=0.01, exhaustive=exhaustive)
        expected = embedded.detect(path.read_bytes(), options)
        if exhaustive:
            page.find("[name=exhaustive]").click()
        page.wait(lambda expected=expected: len(page.digits()) == len(expected.digits))
        assert page.numbers() == [number.text for number in expected.numbers]
        counts.append(len(expected.digits))
    assert len(set(counts)) == len(counts), "each asks for something else"
    page.find("[name=rule][value=model]").click()
    page.find("[name=exhaustive]").click()
    page.wait(lambda: page.numbers() == default)


def test_the_slider_asks_when_it_rests(page: TryPage, picture: Path) -> None:
    page.upload(picture)
    page.wait_for_result(picture.name)
    page.find("[name=score]").send_keys(Keys.END)
    assert page.find("#score-text").text == "99%"
    assert page.find("[name=rule][value=score]").is_selected(), "a slider that moves says which rule is meant"
    page.wait(lambda: page.numbers() == [])
    assert "lower score" in page.find("#numbers").text


def test_a_digit_has_its_details(page: TryPage, picture: Path) -> None:
    page.upload(picture)
    page.wait_for_result(picture.name)
    page.all("#digits button")[1].click()
    facts = dict(zip(*(iter([each.text for each in page.all("#facts > *")]),) * 2, strict=True))
    row = json.loads(page.run("return document.getElementById('json').textContent"))
    digit = row["digits"][row["numbers"][0]["digits"][1]]
    assert facts["digit"] == str(digit["label"]) == "8"
    assert facts["score"] == f"{digit['score']:.4f}"
    assert facts["left"] == f"{digit['box'][0]:.1f} px"
    assert facts["number"] == "68"
    assert page.find("#picture rect.chosen").is_displayed()
    pixels = "document.getElementById('close-up').getContext('2d').getImageData(0, 0, 192, 256).data"
    page.wait(lambda: page.run(f"return new Set({pixels}).size") > 20)  # it is shown up close
    page.all("#digits button")[1].click()
    assert not page.find("#details").is_displayed()


def test_a_click_on_the_picture_chooses_the_digit_there(page: TryPage, picture: Path) -> None:
    page.upload(picture)
    page.wait_for_result(picture.name)
    page.run(
        """
        const box = document.querySelectorAll("#picture rect.digit:not(.tag)")[0].getBoundingClientRect();
        const at = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true};
        document.querySelector("#picture img").dispatchEvent(new MouseEvent("click", at));"""
    )
    row = json.loads(page.run("return document.getElementById('json').textContent"))
    assert page.find("#facts dd").text == str(row["digits"][0]["label"])


def test_the_json_is_copied(page: TryPage, picture: Path, address: str) -> None:
    page.window.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": address.rstrip("/"), "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    page.upload(picture)
    page.wait_for_result(picture.name)
    page.find("#copy").click()
    page.wait(lambda: page.find("#copied").text == "Copied.")
    copied = page.window.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert json.loads(copied)["numbers"][0]["text"] == "68"
    assert json.loads(copied)["image"] == picture.name


REFUSALS = [
    pytest.param("notes.txt", b"hello", "notes.txt was not read: ", id="no picture"),
    pytest.param("empty.png", b"", "empty.png is empty.", id="empty"),
    pytest.param("torn.png", blank_png(100, 100)[:80], "Try a JPEG or PNG file of it.", id="torn"),
    pytest.param("wide.png", blank_png(10_000, 5000), "Try a smaller copy of it.", id="50 megapixels"),
    pytest.param("<b>x</b>.png", b"hello", "<b>x</b>.png was not read: ", id="hostile name"),
]


@pytest.mark.parametrize(("name", "content", "words"), REFUSALS)
def test_what_cannot_be_read_is_said_kindly(
    browser: TryPage, address: str, picture: Path, name: str, content: bytes, words: str
) -> None:
    browser.visit(address)
    browser.upload(picture)
    browser.wait_for_result(picture.name)
    browser.drop(name, content)
    assert words in browser.wait_for_problem()
    assert browser.find("#problem").aria_role == "alert"
    assert not browser.find("#results").is_displayed(), "the earlier picture's result is not this one's"
    browser.upload(picture)
    browser.wait_for_result(picture.name)
    assert not browser.find("#problem").is_displayed()


def test_a_file_that_is_too_large_is_not_even_sent(browser: TryPage, address: str, tmp_path: Path) -> None:
    large = tmp_path / "large.tif"
    with large.open("wb") as file:
        file.truncate(MAX_MESSAGE_BYTES + 1)
    browser.visit(address)
    browser.upload(large)
    assert (
        browser.wait_for_problem() == "large.tif is larger than 32 MB, the limit. Try a smaller copy of it."
    )
    assert not [each for each in browser.requests() if "/detect" in each]


def test_a_server_that_is_gone_is_named(browser: TryPage, address: str, picture: Path) -> None:
    gone = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.visit(address)
    browser.window.execute_cdp_cmd("Network.enable", {})
    browser.window.execute_cdp_cmd("Network.emulateNetworkConditions", gone)
    try:
        browser.upload(picture)
        assert (
            browser.wait_for_problem() == "The server does not answer. Is digit-detector web still running?"
        )
    finally:
        back = gone | {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
        browser.window.execute_cdp_cmd("Network.emulateNetworkConditions", back)


def test_by_keyboard_alone(page: TryPage) -> None:
    page.tab_to("#file")
    page.tab_to("#samples li:nth-child(8) button")
    page.press(Keys.ENTER)
    page.wait_for_result("svhn_train_1345.png")
    page.tab_to("[name=rule]:checked")
    page.run("document.querySelector('#digits li').dataset.before = ''")
    page.press(Keys.ARROW_DOWN)
    assert page.find("[name=rule][value=score]").is_selected()
    page.wait(lambda: not page.all("#digits [data-before]"))  # the new result clears what was chosen before
    page.tab_to("#digits li:nth-child(2) button")
    page.press(Keys.SPACE)
    assert page.find("#facts dd").text == "1"
    page.tab_to("#copy")


def test_a_screen_reader_hears_what_happens(page: TryPage, picture: Path) -> None:
    assert page.find("#status").aria_role == "status"
    page.upload(picture)
    page.wait_for_result(picture.name)
    assert "1 number: 68" in page.find("#status").text
    controls = [each for each in page.all("button, input, summary, a[href]") if each.is_displayed()]
    assert len(controls) > 15
    assert not [each.get_attribute("outerHTML") for each in controls if not each.accessible_name]
    assert page.all("#digits button")[0].get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_in_its_width(
    browser: TryPage, address: str, picture: Path, width: int, dark: bool
) -> None:
    browser.visit(address, width=width, height=844, dark=dark)
    for state in ("empty", "with a result"):
        assert browser.run("return document.documentElement.scrollWidth") <= width, state
        assert browser.faint_texts() == []
        for element in browser.all(".drop, .way, .panel, .panel button, .picture, #problem"):
            if element.is_displayed():
                assert element.rect["x"] >= 0
                assert element.rect["x"] + element.rect["width"] <= width
        browser.upload(picture)
        browser.wait_for_result(picture.name)
    ground = browser.run(
        "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    )
    assert (sum(ground) < 150) == dark
    assert browser.console() == []


def test_only_the_server_is_asked(page: TryPage, picture: Path, address: str) -> None:
    page.upload(picture)
    page.wait_for_result(picture.name)
    assert not [each for each in page.requests() if not each.startswith((address, "blob:", "data:"))]

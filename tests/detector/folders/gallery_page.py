"""A report's page in the browser, as a person would use it."""

from pathlib import Path

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.detector.browser import BrowserPage


class Gallery(BrowserPage):
    """A report's page."""

    def open(
        self, page: Path, width: int = 1280, height: int = 900, dark: bool = False, asks: str = ""
    ) -> None:
        """Opens the page on a screen of this size, as one that has not been there before."""
        self.visit(page.as_uri() + asks, width, height, dark)

    def names(self) -> list[str]:
        """What the cards of this page are called, in their order."""
        names: list[str] = self.run(
            "return [...document.querySelectorAll('.card .name')].map((e) => e.textContent)"
        )
        return names

    def choose(self, field: str, value: str) -> None:
        Select(self.find(f"select[name={field}]")).select_by_value(value)

    def type_number(self, text: str) -> None:
        field = self.find("input[name=number]")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE, text)

    def slide(self, field: str, value: int) -> None:
        """Moves a slider as a pointer does: the value changes, and the form hears of it."""
        slider = self.find(f"input[name={field}]")
        self.run("arguments[0].value = arguments[1];", slider, value)
        self.run("arguments[0].dispatchEvent(new Event('input', {bubbles: true}));", slider)

"""A real Chromium without a window, and a gallery in it as a person would use it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE_S = 120  # a busy machine is no defect
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def programs() -> tuple[str, str]:
    """The paths of Chromium and of its driver; without them the test is skipped, or fails if CI is true."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        reason = "Chromium and its driver are not there: apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return browser, driver


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a fresh profile and no network, which ends with the block."""
    browser, driver = programs()
    options = Options()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        window.set_page_load_timeout(PATIENCE_S)
        window.set_script_timeout(PATIENCE_S)
        yield window
    finally:
        window.quit()


class Gallery:
    """A report's page in the browser."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self.window = window

    def open(
        self, page: Path, width: int = 1280, height: int = 900, dark: bool = False, asks: str = ""
    ) -> None:
        """Opens the page on a screen of this size, as one that has not been there before."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.window.get("about:blank")
        self.console()
        self.requests()
        self.window.get(page.as_uri() + asks)

    def find(self, selector: str) -> WebElement:
        return self.window.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.window.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: object) -> Any:
        return self.window.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.window, PATIENCE_S).until(lambda _: condition())

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

    def press(self, *keys: str) -> None:
        self.window.switch_to.active_element.send_keys(*keys)

    def console(self) -> list[str]:
        """Errors and warnings since the last look, refusals by the page's policy among them."""
        return [entry["message"] for entry in self.window.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last look."""
        events = (json.loads(entry["message"])["message"] for entry in self.window.get_log("performance"))
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

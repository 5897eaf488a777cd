"""A real Chromium without a window, and a page in it as a person would use it."""

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
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 120  # a busy machine is no defect
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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
    """A browser with a fresh profile and no network but this machine's own, which ends with the block."""
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


class BrowserPage:
    """A page in the browser."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self.window = window

    def visit(self, address: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Opens the address on a screen of this size, as one that has not been there before."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.window.get("about:blank")
        self.console()
        self.requests()
        self.window.get(address)

    def find(self, selector: str) -> WebElement:
        return self.window.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.window.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: object) -> Any:
        return self.window.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.window, PATIENCE_S).until(lambda _: condition())

    def press(self, *keys: str) -> None:
        self.window.switch_to.active_element.send_keys(*keys)

    def faint_texts(self) -> list[list[Any]]:
        """Texts whose contrast with their ground is below 4.5 to 1 (WCAG 2.2, 1.4.3): text, class and contrast."""
        found: list[list[Any]] = self.run(_FAINT_TEXTS)
        return found

    def console(self) -> list[str]:
        """Errors and warnings since the last look, refusals by the page's policy among them."""
        return [entry["message"] for entry in self.window.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last look."""
        events = (json.loads(entry["message"])["message"] for entry in self.window.get_log("performance"))
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


_FAINT_TEXTS = """
    const channels = (colour) => colour.match(/[0-9.]+/g).map(Number);
    const light = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.backgroundImage !== "none") return channels(style.backgroundImage.match(/rgb[^)]*/)[0]);
        const colour = channels(style.backgroundColor);
        if (colour.length < 4 || colour[3] === 1) return colour;
      }
      return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll("body *:not(script, style, svg *, noscript, option)")) {
      const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
      if (!text || !element.checkVisibility() || element.closest(":disabled")) continue;
      const both = [channels(getComputedStyle(element).color), ground(element)].map(luminance);
      const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      if (contrast < 4.5) faint.push([text, element.className, contrast]);
    }
    return faint;"""

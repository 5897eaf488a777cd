"""Makes docs/images/gallery.png: the gallery of this repository's own images, as a desk and a phone show it.

Needs Chromium (apt-get install chromium).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from detector import DigitDetector
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.report import PAGE

CHECKOUT = Path(__file__).resolve().parent.parent
IMAGES = (CHECKOUT / "detector" / "samples", CHECKOUT / "tests" / "data")
TARGET = CHECKOUT / "docs" / "images" / "gallery.png"
DESK, PHONE = (1280, 1040), (500, 1120)  # Chromium's windows are at least 500 px wide
PHONE_WIDTH, MARGIN, BEZEL = 300, 32, 9
GROUND = (203, 211, 221)


def main() -> None:
    """Detect, write a report, take screenshots and compose them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        photos.mkdir()
        for path in sorted(path for source in IMAGES for path in source.glob("*.png")):
            shutil.copy(path, photos)
        job = FolderJob(photos, folder / "digits.jsonl", report=folder / "gallery")
        detect_folder(plan_folder(job), DigitDetector.load())
        page = folder / "gallery" / PAGE
        desk = screenshot(page, DESK, folder / "desk.png", dark=False)
        phone = screenshot(page, PHONE, folder / "phone.png", dark=True)
        compose(desk, phone).save(TARGET, optimize=True)
    print(TARGET)


def screenshot(page: Path, size: tuple[int, int], target: Path, dark: bool) -> Image.Image:
    """Return a screenshot of the page in a window of this size."""
    scheme = 0 if dark else 1
    command = [
        *(
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
        ),
        *("--disable-background-networking", f"--user-data-dir={target.parent / 'profile'}"),
        *(f"--blink-settings=preferredColorScheme={scheme}", "--virtual-time-budget=5000"),
        *(f"--window-size={size[0]},{size[1]}", f"--screenshot={target}", f"{page.as_uri()}#sort=sure"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with Image.open(target) as picture:
        return picture.convert("RGB").crop((0, 0, *size))


def compose(desk: Image.Image, phone: Image.Image) -> Image.Image:
    """Return the desk's picture with the phone in front of its lower right corner."""
    small = phone.resize(
        (PHONE_WIDTH, round(PHONE_WIDTH * phone.height / phone.width)), Image.Resampling.LANCZOS
    )
    size = (desk.width + 2 * MARGIN + PHONE_WIDTH // 2, desk.height + 2 * MARGIN)
    picture = Image.new("RGB", size, GROUND)
    paste_rounded(picture, desk, (MARGIN, MARGIN), 16)
    corner = (size[0] - MARGIN - PHONE_WIDTH, size[1] - MARGIN - small.height - MARGIN)
    bezel = Image.new("RGB", (small.width + 2 * BEZEL, small.height + 2 * BEZEL), "black")
    paste_rounded(picture, bezel, (corner[0] - BEZEL, corner[1] - BEZEL), 30)
    paste_rounded(picture, small, corner, 22)
    return picture


def paste_rounded(picture: Image.Image, part: Image.Image, corner: tuple[int, int], radius: int) -> None:
    """Pastes `part` with round corners, smooth at their edges."""
    large = Image.new("L", (4 * part.width, 4 * part.height), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), 4 * radius, fill=255)
    picture.paste(part, corner, large.resize(part.size, Image.Resampling.LANCZOS))


if __name__ == "__main__":
    sys.exit(main())

"""Some hundreds of open font families to render digits in, fetched from npm's `@fontsource` packages.

Only training needs them: nothing of them is in the wheel. Each package brings the family's licence (mostly the SIL
Open Font License), which is kept beside the files.
"""

import csv
import io
import json
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from detector.system.files import write_whole
from training.errors import DataError

LICENCES = "licences.csv"
"""In the fetched folder: family, version and licence of each."""

_SCOPE = "@fontsource"
_FACES = "*-latin-*-normal.woff2"


def families() -> list[str]:
    """Return the families' names, as the packages spell them."""
    listed = files("training.samplers.synthetic").joinpath("font_families.txt").read_text("utf-8")
    return [line for line in listed.splitlines() if line and not line.startswith("#")]


def fetch_fonts(out: Path) -> int:
    """Fetch the families into folders of their own; those that are there already stay as they are.

    Args:
        out: gets FAMILY/*.woff2 (upright faces with Latin letters), FAMILY/LICENSE and `licences.csv`.

    Returns:
        How many families are there.

    Raises:
        DataError: if npm is missing or cannot fetch them.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            "npm fetches the fonts and is not installed: apt-get install npm (or https://nodejs.org)"
        )
    wanted = [name for name in families() if not (out / name / "LICENSE").exists()]
    with tempfile.TemporaryDirectory() as scratch:
        if wanted:
            print(f"fetching {len(wanted)} font families with npm: about a minute")
            _install(npm, wanted, Path(scratch))
        for name in wanted:
            _keep(Path(scratch) / "node_modules" / _SCOPE / name, out / name)
    _write_licences(out)
    return len(families())


def _install(npm: str, names: list[str], scratch: Path) -> None:
    packages = [f"{_SCOPE}/{name}" for name in names]
    command = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-save",
        "--prefix",
        str(scratch),
    ]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"npm could not fetch the fonts: {done.stderr.strip() or done.stdout.strip()}")


def _keep(package: Path, folder: Path) -> None:
    """Copy what rendering needs; the licence comes last, so that a folder that holds it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for face in package.glob(f"files/{_FACES}"):
        shutil.copy(face, folder / face.name)
    shutil.copy(package / "package.json", folder / "package.json")
    shutil.copy(package / "LICENSE", folder / "LICENSE")


def _write_licences(out: Path) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("family", "version", "licence"))
    for name in families():
        known = json.loads((out / name / "package.json").read_text("utf-8"))
        writer.writerow((name, known.get("version"), known.get("license")))
    write_whole(out / LICENCES, table.getvalue().encode())

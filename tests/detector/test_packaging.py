"""What a user installs: everything that the product needs, and nothing of the workshop."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from detector.images.decode import decode_image

PACKAGES = ("detector", "training")
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "demo-output", "shared")


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(checkout, folder / "source", ignore=LEFT_OUT)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), "source"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_module_of_both_packages_is_in_the_wheel(checkout: Path, contents: set[str]) -> None:
    modules = {
        path.relative_to(checkout).as_posix()
        for package in PACKAGES
        for path in (checkout / package).rglob("*.py")
    }
    assert modules
    assert not modules - contents


@pytest.mark.parametrize(
    ("pattern", "count", "reason"),
    [
        (r"detector/weights/weights\.safetensors", 1, "the embedded model"),
        (r"detector/weights/manifest\.json", 1, "its manifest"),
        (r"detector/v1/detector_pb2\.pyi?", 2, "the generated messages and their types"),
        (r"detector/v1/detector_pb2_grpc\.py", 1, "the generated service"),
        (r"(detector|training)/py\.typed", 2, "both packages are typed"),
        (r"detector/samples/samples\.json", 1, "the list that training reads to leave the samples out"),
        (r"detector/samples/.*\.png", 10, "the samples"),
        (r"detector/folders/report/page\.(html|css)", 2, "the gallery's page and its style"),
        (r"detector/folders/report/scripts/.*\.js", 8, "its scripts"),
        (r"training/samplers/synthetic/font_families\.txt", 1, "the fonts that numbers are drawn in"),
        (r".*\.dist-info/licenses/LICENSE", 1, "the licence"),
    ],
)
def test_files_that_are_no_modules_are_in_the_wheel(
    contents: set[str], pattern: str, count: int, reason: str
) -> None:
    assert len([name for name in contents if re.fullmatch(pattern, name)]) == count, reason


def test_nothing_else_is_in_the_wheel(contents: set[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_both_commands_are_installed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        entries = ConfigParser()
        entries.read_string(archive.read(name).decode())
    assert dict(entries["console_scripts"]) == {
        "digit-detector": "detector.cli.main:main",
        "digit-detector-train": "training.cli:run_program",
    }


def test_the_weights_are_small_enough_for_the_repo(checkout: Path) -> None:
    assert (checkout / "detector" / "weights" / "weights.safetensors").stat().st_size <= 4 * 2**20


def requirement_names(requirements: list[str]) -> set[str]:
    names = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", match.group()).lower() for match in names if match}


def test_the_constraints_pin_every_requirement_exactly_and_name_no_index(checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    lines = (checkout / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    extras = project["optional-dependencies"].values()
    wanted = requirement_names([*project["dependencies"], *(name for extra in extras for name in extra)])
    assert not wanted - requirement_names(pins) - {project["name"]}


def test_the_samples_are_what_their_list_says(checkout: Path) -> None:
    folder = checkout / "detector" / "samples"
    rows = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["images"]
    assert 8 <= len(rows) <= 12
    assert {row["file"] for row in rows} == {path.name for path in folder.glob("*.png")}
    for row in rows:
        assert row["number"].isdecimal()
        assert decode_image((folder / row["file"]).read_bytes()).size


@pytest.mark.shared
def test_the_samples_are_the_official_images_with_the_official_numbers(checkout: Path, shared: Path) -> None:
    folder, svhn = checkout / "detector" / "samples", shared / "data" / "svhn"
    boxes = json.loads((svhn / "train_boxes.json").read_text())
    for row in json.loads((folder / "samples.json").read_text(encoding="utf-8"))["images"]:
        official = svhn / "train" / row["svhn_train_name"]
        assert (folder / row["file"]).read_bytes() == official.read_bytes()
        digits = sorted(boxes[official.stem], key=lambda box: box[1])
        assert row["number"] == "".join(str(digit) for digit, *_ in digits)


STREAM = """
import sys
from pathlib import Path
from detector.serving.client import DetectorClient

with DetectorClient(sys.argv[1]) as client:
    items = [(path, Path(path).read_bytes()) for path in sys.argv[2:]]
    for name, found in client.detect_stream(items):
        print(len(found.digits))
"""


@pytest.mark.soak
def test_the_wheel_works_in_an_empty_environment_outside_the_checkout(
    wheel: Path, checkout: Path, real_images: dict[str, Path], tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / "bin"
    images = [str(path) for path in real_images.values()]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str | Path) -> str:
        return subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    run(programs / "pip", "install", "-qq", "-c", checkout / "constraints.txt", wheel)
    rows = [
        json.loads(line)
        for line in run(programs / "digit-detector", "detect", "--json", *images).splitlines()
    ]
    assert [row["image"] for row in rows] == images
    assert sum(len(row["digits"]) for row in rows) > 0
    server = subprocess.Popen(
        [programs / "digit-detector", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
    )
    with server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().split()[-1]
            streamed = run(programs / "python", "-c", STREAM, address, *images)
        finally:
            server.terminate()
    assert [int(line) for line in streamed.splitlines()] == [len(row["digits"]) for row in rows]
    assert server.returncode == 0

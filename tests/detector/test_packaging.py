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
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector import DigitDetector
from detector.images.decode import decode_image
from tests.detector.serving.harness import RunningServer

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


class Environment:
    """A virtual environment outside the checkout, with the wheel and what pip is told besides."""

    def __init__(self, folder: Path, *packages: str | Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=True)
        self.run("python", "-m", "pip", "install", "-qq", *packages)

    def command(self, program: str, *arguments: str | Path) -> list[str]:
        return [str(part) for part in (self.folder / "env" / "bin" / program, *arguments)]

    @property
    def variables(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(self, program: str, *arguments: str | Path) -> str:
        command = self.command(program, *arguments)
        return subprocess.run(
            command, cwd=self.folder, env=self.variables, check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    @contextmanager
    def server(self) -> Iterator[str]:
        """The address of a server that runs in it; it must end with 0."""
        command = self.command("digit-detector", "serve", "--port", "0")
        with subprocess.Popen(
            command, cwd=self.folder, env=self.variables, text=True, stdout=subprocess.PIPE
        ) as server:
            assert server.stdout is not None
            try:
                yield server.stdout.readline().split()[-1]
            finally:
                server.terminate()
        assert server.returncode == 0

    def size(self) -> int:
        """Bytes of its installed packages."""
        (packages,) = (self.folder / "env" / "lib").glob("*/site-packages")
        return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())


def digits_everywhere(environment: Environment, images: list[str]) -> None:
    """The shell, and a client and a server, find the same digits."""
    lines = environment.run("digit-detector", "detect", "--json", *images).splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["image"] for row in rows] == images
    counts = [len(row["digits"]) for row in rows]
    assert sum(counts) > 0
    with environment.server() as address:
        streamed = environment.run("python", "-c", STREAM, address, *images)
    assert [int(line) for line in streamed.splitlines()] == counts


@pytest.mark.soak
def test_the_wheel_works_in_an_empty_environment_outside_the_checkout(
    wheel: Path, checkout: Path, real_images: dict[str, Path], tmp_path: Path
) -> None:
    environment = Environment(tmp_path, "-c", checkout / "constraints.txt", wheel)
    assert environment.size() <= 520 * 10**6
    installed = {
        package["name"] for package in json.loads(environment.run("pip", "list", "--format", "json"))
    }
    assert not installed & {"tensorflow", "keras", "scipy", "h5py", "matplotlib"}
    digits_everywhere(environment, [str(path) for path in real_images.values()])


def floors(checkout: Path) -> list[str]:
    """The oldest versions that pyproject.toml allows of what a user installs."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    return [re.sub(r">=", "==", requirement) for requirement in project["dependencies"]]


@pytest.mark.soak
def test_the_oldest_versions_that_are_allowed_work(
    wheel: Path, checkout: Path, real_images: dict[str, Path], tmp_path: Path
) -> None:
    environment = Environment(tmp_path, wheel, *floors(checkout))
    digits_everywhere(environment, [str(path) for path in real_images.values()])


@pytest.mark.soak
def test_an_old_client_and_a_new_server_understand_each_other(
    wheel: Path, checkout: Path, embedded: DigitDetector, real_images: dict[str, Path], tmp_path: Path
) -> None:
    """Whoever calls may hold protobuf and grpcio back, for another program's sake."""
    held_back = [
        floor for floor in floors(checkout) if floor.startswith(("protobuf", "grpcio", "googleapis"))
    ]
    client = Environment(tmp_path, *held_back, wheel)
    images = [str(path) for path in real_images.values()]
    with RunningServer(embedded) as server:
        streamed = client.run("python", "-c", STREAM, server.address, *images)
    expected = [len(embedded.detect(path.read_bytes()).digits) for path in real_images.values()]
    assert [int(line) for line in streamed.splitlines()] == expected


@pytest.mark.parametrize("folder", ["weights", "samples"])
def test_terms_lie_beside_what_they_are_of(checkout: Path, contents: set[str], folder: str) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0 AND LicenseRef-SVHN-NonCommercial"
    assert "LicenseRef-SVHN-NonCommercial" in (checkout / "detector" / folder / "LICENSE").read_text()
    assert f"detector/{folder}/LICENSE" in contents
    assert any(name.endswith(f".dist-info/licenses/detector/{folder}/LICENSE") for name in contents)

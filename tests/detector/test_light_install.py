"""What works without the libraries of training, and on systems that lack what Linux has."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.pages import CHECKOUT

HOUSE = CHECKOUT / "tests" / "data" / "svhn_train_5.png"
MAIN = "from detector.cli.main import main"
TRAINING_MAIN = "from training.cli import run_program as main"

TRAINING_LIBRARIES = ("absl", "h5py", "keras", "matplotlib", "ml_dtypes", "scipy", "tensorflow", "yaml")
WITHOUT_TRAINING = f"import sys; sys.modules.update(dict.fromkeys({TRAINING_LIBRARIES}))"
"""Every import of one of them fails, as in an environment that has none."""

WINDOWS = """
import os, signal, socket, sys
sys.modules.update(dict.fromkeys(("fcntl", "grp", "pwd", "resource", "termios")))
for module, names in (
    (os, ("sched_getaffinity", "sched_setaffinity", "O_DIRECTORY", "sysconf", "getuid")),
    (signal, ("SIGHUP", "SIGUSR1", "pthread_sigmask")),
    (socket, ("SO_REUSEPORT", "AF_UNIX")),
):
    for name in names:
        delattr(module, name)
"""
"""What Windows has not; macOS lacks the first row's first two."""

MACOS = "import os; del os.sched_getaffinity, os.sched_setaffinity"


def run(
    *parts: str, arguments: tuple[str | Path, ...] = (), cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program of these parts in an interpreter of its own."""
    command = [sys.executable, "-c", "\n".join(parts), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cwd)
    done.stderr = re.sub(r".* s so far\n", "", done.stderr)  # on a busy machine
    return done


CALL = "import sys; sys.exit(main(sys.argv[1:]))"
CALL_PROGRAM = "import sys; sys.exit(main())"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("detect", HOUSE), id="detect"),
        pytest.param(("detect", HOUSE, "--runtime", "openvino-f32"), id="in float32"),
        pytest.param(("info",), id="info"),
    ],
)
def test_detecting_needs_no_library_of_training(arguments: tuple[str | Path, ...]) -> None:
    done = run(WITHOUT_TRAINING, MAIN, CALL, arguments=arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "31" in done.stdout or "svhn-fcn" in done.stdout


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        pytest.param(
            (MAIN, CALL),
            ("detect", HOUSE, "--runtime", "tensorflow"),
            "digit-detector: error: the runtime tensorflow needs keras: pip install 'digit-detector[train]'\n",
            id="TensorFlow computes",
        ),
        pytest.param(
            (MAIN, CALL),
            ("export", "--format", "onnx", "--out", "nowhere"),
            "digit-detector: error: export needs tensorflow: pip install 'digit-detector[train]'\n",
            id="export",
        ),
        pytest.param(
            (TRAINING_MAIN, CALL_PROGRAM),
            ("--help",),
            "digit-detector-train: training needs h5py: pip install 'digit-detector[train]'\n",
            id="training",
        ),
    ],
)
def test_what_needs_them_says_so(
    main: tuple[str, str], arguments: tuple[str | Path, ...], message: str, tmp_path: Path
) -> None:
    done = run(WITHOUT_TRAINING, *main, arguments=arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, message)
    assert list(tmp_path.iterdir()) == []


EVERY_MODULE = """
import importlib, pkgutil
import detector
for found in pkgutil.walk_packages(detector.__path__, "detector."):
    if not any(part in found.name for part in (".ray", "ray_data", "sharded", ".video", "tensorflow", "export",
               "models.architecture", ".web", "tracing")):
        importlib.import_module(found.name)
        print(found.name)
"""


@pytest.mark.parametrize("system", [WINDOWS, MACOS], ids=["Windows", "macOS"])
def test_every_module_can_be_imported_on_other_systems(system: str) -> None:
    done = run(system, WITHOUT_TRAINING, EVERY_MODULE)
    assert done.returncode == 0, done.stderr
    assert "detector.serving.server.processes.serve" in done.stdout.split()


@pytest.mark.parametrize("system", [WINDOWS, MACOS], ids=["Windows", "macOS"])
def test_images_and_folders_are_read_on_other_systems(system: str, tmp_path: Path) -> None:
    done = run(system, MAIN, CALL, arguments=("detect", HOUSE))
    assert (done.returncode, done.stderr) == (0, "")
    assert " 31 " in done.stdout
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "house.png").write_bytes(HOUSE.read_bytes())
    output = tmp_path / "digits.jsonl"
    done = run(system, MAIN, CALL, arguments=("detect-folder", tmp_path / "photos", "--out", output))
    assert done.returncode == 0, done.stderr
    assert '"text": "31"' in output.read_text()
    assert (f"this system has no locks: let no other run write to {output}" in done.stderr) == (
        system == WINDOWS
    )


@pytest.mark.parametrize(
    ("system", "arguments", "message"),
    [
        pytest.param(WINDOWS, (), "a server is controlled by signals that this system lacks", id="signals"),
        pytest.param(
            "import socket; del socket.SO_REUSEPORT",
            ("--processes", "2"),
            "several processes cannot share a port on this system",
            id="one port for several",
        ),
    ],
)
def test_a_server_says_what_the_system_lacks(system: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(system, MAIN, CALL, arguments=("serve", "--port", "0", *arguments))
    assert done.returncode == 2
    assert done.stderr.startswith(f"digit-detector: error: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_tensorflow_comes_in_without_notices() -> None:
    done = run(MAIN, CALL, arguments=("detect", HOUSE, "--runtime", "tensorflow"))
    assert (done.returncode, done.stderr) == (0, "")
    assert " 31 " in done.stdout


NOISE = """
import os, sys, types
from importlib.machinery import ModuleSpec
from importlib.abc import Loader, MetaPathFinder

class Noisy(Loader, MetaPathFinder):
    def find_spec(self, name, path, target=None):
        return ModuleSpec(name, self) if name == "tensorflow" else None
    def exec_module(self, module):
        os.write(2, b"I0000 00:00:1795761075.0 814 cudart_stub.cc:31] Could not find cuda drivers\\n")
        os.write(2, b"E0000 00:00:1795761075.0 814 cuda_fft.cc:1] Unable to register cuFFT factory\\n")
        os.write(2, b"E0000 00:00:1795761075.0 814 env.cc:9] the disk is on fire\\n")
        print("a warning of Python's", file=sys.stderr)

sys.meta_path.insert(0, Noisy())
from detector.system.native_notices import import_quietly
import_quietly()
import tensorflow
print("after", file=sys.stderr)
"""


def test_only_notices_are_held_back() -> None:
    shown = run(NOISE).stderr.splitlines()
    assert [line.partition("] ")[2] or line for line in shown] == [
        "the disk is on fire",
        "a warning of Python's",
        "after",
    ]


def seconds_of_work(*parts: str, arguments: tuple[str | Path, ...] = ()) -> float:
    """Processor time that a program of its own takes; unlike the time on the wall, a busy machine leaves it alike."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*parts, arguments=arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_first_answer_comes_soon() -> None:
    """The libraries of training are hidden, since OpenVINO would import some of them where they are."""
    start = min(seconds_of_work("pass") for _ in range(3))
    imported = min(seconds_of_work("import detector") for _ in range(3))
    answered = min(
        seconds_of_work(WITHOUT_TRAINING, MAIN, CALL, arguments=("detect", HOUSE)) for _ in range(3)
    )
    assert imported - start < 0.1
    assert answered < 1.5

"""Killed at any moment and started again, a folder job ends with the bytes of one that was never killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.folders.run_settings import settings_path

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from detector.cli.main import main; sys.exit(main())",
    "detect-folder",
]


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    """Sixty images in two folders, a few of them bad."""
    root = tmp_path / "photos"
    for number in range(60):
        path = root / f"street {number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(random.Random(number).choice(list(real_images.values())), path)
    (root / "street 0" / "9 bad\nname.png").write_bytes(b"not an image")
    (root / os.fsdecode(b"\xff.png")).symlink_to("nowhere")
    return root


def run_until_killed(arguments: list[str], output: Path, wait_for_a_row: bool, seconds: float) -> bool:
    """Starts a job and kills it; false if it ended before."""
    before = output.stat().st_size if output.exists() else 0
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.DEVNULL) as process:
        while wait_for_a_row and process.poll() is None:
            if output.exists() and output.stat().st_size > before:
                break
            time.sleep(0.002)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    assert process.returncode in (1, -signal.SIGKILL)
    return process.returncode != 1


@pytest.mark.parametrize(
    ("kills", "where", "order"),
    [
        pytest.param(5, "server", (), id="from a server, which is quick to start"),
        pytest.param(2, "here", (), marks=pytest.mark.slow, id="with the network in the killed process"),
        pytest.param(2, "server", ("--shuffle", "--seed", "7"), id="in a random order"),
        pytest.param(25, "here", (), marks=[pytest.mark.soak, pytest.mark.timeout(3600)], id="many times"),
    ],
)
def test_killed_at_random_times_it_ends_with_the_same_bytes(
    photos: Path, tmp_path: Path, server: str, kills: int, where: str, order: tuple[str, ...]
) -> None:
    whole, output, pictures = (tmp_path / name for name in ("whole.jsonl", "out.jsonl", "pictures"))
    options = [*order, *(["--server", server] if where == "server" else [])]
    arguments = [str(photos), "--out", str(output), "--resume", "--annotated", str(pictures), *options]
    begin = time.monotonic()
    assert finish([str(photos), "--out", str(whole), *options]) == 1, "two images cannot be read"
    duration = time.monotonic() - begin
    chance = random.Random(kills)
    killed = 0
    while killed < kills:
        writes = chance.random() < 0.8  # else it is killed while it starts, or when it has come to its end
        if run_until_killed(
            arguments, output, writes, chance.uniform(0, duration / (2 * kills if writes else 1))
        ):
            killed += 1
        else:
            output.unlink()  # it came to its end: once more from the beginning
    assert finish(arguments) == 1
    assert output.read_bytes() == whole.read_bytes()
    assert len(list(pictures.rglob("*.png"))) == 60
    assert {path.name for path in tmp_path.iterdir()} == {
        *(photos.name, pictures.name, whole.name, output.name),
        *(settings_path(path).name for path in (whole, output)),
    }, "nothing else is left behind"


def finish(arguments: list[str]) -> int:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, check=False).returncode

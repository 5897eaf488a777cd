"""What a serving process finds on its machine, and what it makes of that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.serving.server.processes.environment import available_cores

MINE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "expected", "reason"),
    [
        (None, MINE, "there is no such file: no limit, or an older kernel"),
        ("max 100000", MINE, "no limit"),
        ("100000 100000", 1, "one processor's time"),
        ("50000 100000", 1, "half of it: one thread, not none"),
        ("120000 100000", min(2, MINE), "a bit more than one is used by two"),
        ("6400000 100000", MINE, "more than there are"),
        ("", MINE, "nothing is said"),
        ("one two", MINE, "nonsense"),
    ],
)
def test_processors_that_a_container_leaves(
    tmp_path: Path, quota: str | None, expected: int, reason: str
) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    assert available_cores(file) == expected, reason


def test_processors_that_the_scheduler_leaves() -> None:
    program = """
import os
from pathlib import Path
from detector.serving.server.processes.environment import available_cores
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(available_cores(Path("nowhere")))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "1\n"


def counted_in_a_server(count: str, cores: int, processes: int) -> int:
    """What a program prints in one of `processes` on a machine with `cores`."""
    program = f"""
from detector.serving.server.processes import environment
from detector.serving.server.settings import ServerSettings

environment.available_cores = lambda: {cores}
environment.prepare(ServerSettings(processes={processes}))
{count}"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return int(done.stdout)


THREADS_OF_TENSORFLOW = """
import os

import numpy as np
from detector import DigitDetector
from detector.models.runtimes import TENSORFLOW

DigitDetector.load(runtime=TENSORFLOW).detect(np.zeros((99, 99, 3), np.uint8))
print(len(os.listdir("/proc/self/task")))
"""
"""All threads of a process that has detected something: TensorFlow's own among them."""

THREADS_OF_OPENVINO = """
from detector.models.model_files import EMBEDDED
from detector.models.runtimes import FLOAT32, load_networks

print(load_networks(EMBEDDED, FLOAT32).fcn._options["INFERENCE_NUM_THREADS"])
"""
"""Threads that OpenVINO is asked for; it starts no more than this machine has cores."""


@pytest.mark.slow
def test_tensorflow_has_the_threads_of_its_share() -> None:
    alone, shared = (counted_in_a_server(THREADS_OF_TENSORFLOW, 9, processes) for processes in (1, 4))
    assert alone - shared == 9 - 2


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "threads"), [(1, 9), (4, 2), (9, 1), (20, 1)])
def test_openvino_has_the_threads_of_its_share(processes: int, threads: int) -> None:
    assert counted_in_a_server(THREADS_OF_OPENVINO, 9, processes) == threads

"""The environment of a serving process: threads, cores and logs, arranged before a network's library is imported."""

import math
import os
import sys
import tempfile
from pathlib import Path

from detector.serving.server.settings import ServerSettings
from detector.serving.telemetry import logs

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def prepare(settings: ServerSettings) -> None:
    """To be called once in each process: for the log, the networks' threads, and machines without a place to write."""
    logs.configure(settings.observability.log_format)
    share = max(1, available_cores() // settings.processes)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(share))  # the OpenVINO backend reads it, too
    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # a machine without a place to write
        tempfile.tempdir = os.sep  # TensorFlow asks for one when it is imported, but writes nothing there
        sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type] # Keras does without, it would not


def prepare_replica(cpus: int, log_format: str) -> None:
    """Return the same in a process that has so many processors to itself, and nobody to read what TensorFlow says."""
    logs.configure(log_format)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(cpus)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def available_cores(quota: Path = _QUOTA) -> int:
    """Processors that the scheduler gives this process, or fewer if a container's limit allows less time; 1 or more.

    Args:
        quota: the file of the limit (cgroup v2): "MICROSECONDS PERIOD", or "max PERIOD" for none.
    """
    cores = len(os.sched_getaffinity(0))
    try:
        time, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(time) / int(period))))
    except (OSError, ValueError):  # there is no limit
        return cores

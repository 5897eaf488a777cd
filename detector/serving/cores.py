"""How many processors this process may use, which is what TensorFlow's threads are sized to."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


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

"""Peak memory of processes.

Not ru_maxrss: Linux lets a started process begin with its parent's, and a pytest that has run a while is large.
"""

import subprocess
import time
from pathlib import Path


def peak_memory(process: int | str = "self") -> int:
    """The most resident bytes that a running process has had so far; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return 0
    _, _, peak = status.partition("VmHWM:")
    return 1024 * int(peak.split()[0]) if peak else 0


def wait_for_peak_memory(process: subprocess.Popen[bytes]) -> int:
    """Waits for the end of a process and gives the most resident bytes that it had."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(0.05)
    return peak

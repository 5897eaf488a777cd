"""Writing files whole."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames: readers see the old file or the new one, never a torn one."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

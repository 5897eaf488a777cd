"""Writing files whole."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames: readers see the old file or the new one, never a torn one."""
    temporary = path.with_name(f"{path.name[:50]}.part")  # a name may be as long as names can be
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

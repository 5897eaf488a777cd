"""Unpacking downloaded tar archives: regular files below one folder, and nothing else."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from training.errors import DataError


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks the archive's one root folder, named like `folder`, to `folder`, which appears whole or not at all.

    Raises:
        DataError: if the archive is damaged or holds anything but regular files below that root.
    """
    staging = folder.with_name(folder.name + ".part")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, folder.name, staging)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: cannot be unpacked: {error}") from error
    if not staging.is_dir():
        raise DataError(f"{archive}: holds no files in {folder.name}/")
    staging.replace(folder)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str, staging: Path) -> None:
    """Writes a regular file below `root`; folders come with their files, nothing else has a place here."""
    if member.isdir():
        return
    path = PurePosixPath(member.name)
    parts = path.parts[1:] if path.parts[:1] == (".",) else path.parts
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or len(parts) < 2 or parts[0] != root or ".." in parts:
        raise tarfile.TarError(f"{member.name!r} is not a file in {root}/")
    target = staging.joinpath(*parts[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as out:
        shutil.copyfileobj(content, out)

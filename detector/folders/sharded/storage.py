"""Folders by their address: on this machine's disks, or wherever else pyarrow or fsspec can read and write."""

import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pyarrow as pa
from pyarrow.fs import (
    FileInfo,
    FileSelector,
    FileSystem,
    FileType,
    FSSpecHandler,
    LocalFileSystem,
    PyFileSystem,
)

from detector.images.decode import MAX_FILE_BYTES, read_image_file
from detector.results.errors import ImageTooLargeError, ImageUnreadableError, InvalidOptionError
from detector.system.files import write_whole

PART = ".part"
"""The end of the names of files that are not whole."""

_STORES = {"s3", "gcs", "abfs"}
"""pyarrow's names of the object stores that show an object when all of it has arrived, and never a part of it."""


@dataclass(frozen=True)
class StorageDir:
    """A folder, or a prefix in an object store, that may be or not be there.

    Its address alone travels to a worker: credentials stay where they are, and each machine uses its own.

    Attributes:
        address: a path on this machine, or an address such as `s3://bucket/prefix?region=eu-central-1`.
        option: the option that named it, for messages.
    """

    address: str
    option: str

    def __getstate__(self) -> dict[str, str]:
        return {"address": self.address, "option": self.option}

    @property
    def local(self) -> Path | None:
        """Its path if it is on this machine's file systems."""
        return Path(self._opened[1]) if isinstance(self._opened[0], LocalFileSystem) else None

    @property
    def name(self) -> str:
        """Its name in settings and messages: without the options in the address, which say how to reach it."""
        return str(self.local) if self.local is not None else self.address.partition("?")[0]

    def read(self, name: str) -> bytes:
        """Return the file `name`, whole.

        Raises:
            OSError: if it is not there or cannot be read.
        """
        with self._files.open_input_stream(self._path_of(name)) as file:
            return bytes(file.read())

    def read_image(self, name: str) -> bytes:
        """Return the bytes of the image `name`.

        Raises:
            ImageUnreadableError, ImageTooLargeError: if it cannot be read, see `read_image_file`.
        """
        if self.local is not None:
            return read_image_file(self.local / name)
        try:
            with self._files.open_input_file(self._path_of(name)) as file:
                if file.size() > MAX_FILE_BYTES:
                    raise ImageTooLargeError(
                        f"the file has {file.size():,} bytes; at most {MAX_FILE_BYTES:,} are read"
                    )
                return bytes(file.read())
        except FileNotFoundError as error:
            raise ImageUnreadableError("the file cannot be read: No such file or directory") from error
        except (OSError, ValueError) as error:
            raise ImageUnreadableError(f"the file cannot be read: {error}") from error

    def write(self, name: str, content: bytes) -> None:
        """Write the file `name`: it is seen whole or not at all, whoever writes it at the same time.

        Raises:
            OSError: if it cannot be written.
        """
        unfinished = f"{name}.{uuid4().hex}{PART}"
        if self.local is not None:
            path = self.local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.local / unfinished, content)
            (self.local / unfinished).replace(path)
        elif self._files.type_name in _STORES:
            with self._files.open_output_stream(self._path_of(name)) as file:
                file.write(content)
        else:
            self._files.create_dir(posixpath.dirname(self._path_of(name)), recursive=True)
            with self._files.open_output_stream(self._path_of(unfinished)) as file:
                file.write(content)
            self._files.move(self._path_of(unfinished), self._path_of(name))

    def has(self, name: str) -> bool:
        """Return whether there is a file `name`.

        Raises:
            OSError: if that cannot be known.
        """
        info: FileInfo = self._files.get_file_info(self._path_of(name))
        return bool(info.type == FileType.File)

    def entries(self, folder: str = "") -> list[FileInfo]:
        """Return the entries directly in it, or in a folder below it; none if it is not there.

        Raises:
            OSError: if it cannot be looked into.
        """
        selector = FileSelector(self._path_of(folder), recursive=False, allow_not_found=True)
        return list(self._files.get_file_info(selector))

    def remove(self, name: str) -> None:
        """Remove the file `name`.

        Raises:
            OSError: if it cannot be removed.
        """
        self._files.delete_file(self._path_of(name))

    def is_folder(self) -> bool:
        """Return whether it is there; a prefix in an object store is if anything is below it.

        Raises:
            OSError: if that cannot be known.
        """
        return bool(self._files.get_file_info(self._opened[1]).type == FileType.Directory)

    def is_file(self) -> bool:
        """Return whether it is a file.

        Raises:
            OSError: if that cannot be known.
        """
        return self.has("")

    def _path_of(self, name: str) -> str:
        return posixpath.join(self._opened[1], name) if name else self._opened[1]

    @property
    def _files(self) -> FileSystem:
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[FileSystem, str]:
        try:
            return _opened(self.address)
        except (ImportError, OSError, ValueError, pa.ArrowException) as error:
            raise InvalidOptionError(self.option, f"{self.address}: {error}") from error


def storage_at(address: str, option: str) -> StorageDir:
    """Return the place at an address.

    Raises:
        InvalidOptionError: if no library here understands the address, or it has a secret in it.
    """
    if "://" not in address:
        return StorageDir(str(Path(address).resolve()), option)
    if urlsplit(address).password is not None:
        raise InvalidOptionError(
            option,
            "a password in an address is seen by all: give it to each machine, for example as AWS_... variables",
        )
    place = StorageDir(address, option)
    place.name  # noqa: B018 - opens it
    return place


def _opened(address: str) -> tuple[FileSystem, str]:
    """Return the file system and the path in it: pyarrow's own if it has one for the address, else fsspec's."""
    if "://" not in address:
        return LocalFileSystem(), address
    try:
        files, path = FileSystem.from_uri(address)
    except pa.ArrowInvalid:
        import fsspec  # noqa: PLC0415 - rarely needed

        inner, path = fsspec.core.url_to_fs(address)
        files = PyFileSystem(FSSpecHandler(inner))
    return files, path.rstrip("/") or path

"""The file of the tokens that callers may show: their hashes, and a name for each."""

import hashlib
import hmac
import logging
import re
import time
from pathlib import Path

from detector.results.errors import ServerStartError

_LINE = re.compile(r"([0-9a-fA-F]{64})\s+([\w.@-]{1,64})")

_MAX_BYTES = 1 << 20

_CHECK_S = 1.0

_log = logging.getLogger(__name__)


class TokenFile:
    """Tokens by their hashes; a change of the file is seen within a second.

    A file that cannot be read any more, or has an invalid line, changes nothing but the log. One without
    tokens lets nobody in.

    Raises:
        ServerStartError: if at first the file cannot be read, has an invalid line, or no tokens.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._version = self._current_version()
            self._names = _parse(path)
        except (OSError, ValueError) as error:
            raise ServerStartError(f"cannot use the token file {path}: {_words(error)}") from error
        if not self._names:
            raise ServerStartError(f"the token file {path} has no tokens, so nobody could call")
        self._checked = time.monotonic()

    def name_of(self, token: str) -> str | None:
        """Return the name of a token; None if it is not in the file.

        It takes as long whichever token is asked for: all hashes are compared, each in constant time.
        """
        self._reload_if_changed()
        asked = hashlib.sha256(token.encode()).digest()
        name = None
        for known, its_name in self._names.items():
            if hmac.compare_digest(known, asked):
                name = its_name
        return name

    def _reload_if_changed(self) -> None:
        now = time.monotonic()
        if now - self._checked < _CHECK_S:
            return
        self._checked = now
        try:
            version = self._current_version()
            if version == self._version:
                return
            self._names = _parse(self._path)
            self._version = version
        except (OSError, ValueError) as error:
            _log.error(
                "the token file %s is no good, the tokens stay as they were: %s", self._path, _words(error)
            )
        else:
            _log.info("the token file %s has changed: %d tokens", self._path, len(self._names))

    def _current_version(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size


def _parse(path: Path) -> dict[bytes, str]:
    """Names by hashes.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is too large or a line is invalid; it says which, not what is in it.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES:,} bytes")
    names = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = text.strip()
        if line and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"line {number} is not the SHA-256 of a token, a space and a name")
            names[bytes.fromhex(match[1])] = match[2]
    return names


def _words(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)

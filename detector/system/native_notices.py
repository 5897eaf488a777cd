"""Keeps the notices of TensorFlow's libraries off standard error.

Most are printed before the libraries' own settings of their log apply, by code that no setting of Python reaches.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from tempfile import TemporaryFile
from types import ModuleType

_LIBRARY = "tensorflow"

_NOTICE = re.compile(
    rb"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d|To enable the following instructions"
    rb"|E\d{4} .*register cu"
)


def import_quietly() -> None:
    """Let TensorFlow be imported without its notices, whoever imports it; nothing is imported here.

    Nor does it log anything later: what goes wrong arrives as an exception. An environment that sets
    `TF_CPP_MIN_LOG_LEVEL` has its way.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if _LIBRARY not in sys.modules and not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(MetaPathFinder):
    """Finds TensorFlow where it is, and has it executed without its notices."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname != _LIBRARY:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _quiet(spec.loader.exec_module)  # type: ignore[method-assign,assignment]
        return spec


def _quiet(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def execute_quietly(module: ModuleType) -> None:
        with without_notices():
            execute(module)

    return execute_quietly


@contextmanager
def without_notices() -> Iterator[None]:
    """Hold back what is written to standard error meanwhile, and let all but the notices through in the end."""
    sys.stderr.flush()
    with TemporaryFile() as held, os.fdopen(os.dup(2), "wb") as standard_error:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(standard_error.fileno(), 2)
            held.seek(0)
            standard_error.writelines(line for line in held if not _NOTICE.match(line))

"""Keeps the notices of TensorFlow's libraries off standard error.

Some are printed before the library's own settings of its log apply, by code that no setting of Python reaches.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

_NOTICE = re.compile(
    rb"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d|To enable the following instructions"
)


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

"""Numbers as people's tools write them: pandas and `numpy.savetxt` write 3.0 for 3, JSON may have "3"."""

import re
from typing import Any

_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*")
_WHOLE = re.compile(r"[-+]?\d{1,15}(\.0*)?([eE][-+]?\d{1,3})?")


def number(text: str) -> float:
    """Return a number as label files write it.

    Raises:
        ValueError: if it is none; `float` alone would take 1_0 for ten.
    """
    if "_" in text:
        raise ValueError(f"{text[:50]!r} is no number")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:50]!r} is no number") from None


def local_number(text: str) -> float:
    """Read a number that may have a decimal comma, as spreadsheets write it where commas do not separate columns.

    Raises:
        ValueError: if it is none.
    """
    return number(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)


def whole_number(value: Any) -> int | None:
    """Return the integer that a number or its text stands for: 3, 3.0, "3", "3.00e+00" are 3; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return whole_number(float(value))
    return None


def json_number(value: Any) -> float | None:
    """Return the float that a JSON number or its text stands for, beyond all floats infinity; None if it is neither."""
    if isinstance(value, str):
        try:
            return number(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


Identity = int | str | None


def identity(value: Any) -> Identity:
    """Normalise an id: 3, 3.0 and "3" are the same, "003" is another; None if it is no id."""
    if isinstance(value, str):
        whole = whole_number(value) if value.strip().partition(".")[0] == str(whole_number(value)) else None
        return value if whole is None else whole
    return whole_number(value)

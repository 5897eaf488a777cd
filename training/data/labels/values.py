"""The values of label files: numbers as tools and people write them, and the digits that names of classes stand for.

pandas and `numpy.savetxt` write 3.0 for 3; JSON may have "3".
"""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
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


IGNORED = "ignore"
"""Stands for a digit in `--classes NAME=ignore`."""

_DIGITS = {str(digit): digit for digit in range(10)}
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SVHN_ZERO = "10"
"""SVHN's own label of the digit zero."""

_TOKENS = re.compile(r"\d+|[^\W\d_]+")


class ClassNames:
    """The digits of classes by their names.

    Args:
        digits: of classes with other names than "0" .. "9"; None for a class that is ignored.
    """

    def __init__(self, digits: Mapping[str, int | None]) -> None:
        self._digits: dict[str, int | None] = {
            **_DIGITS,
            **{plain_name(name): digit for name, digit in digits.items()},
        }

    def __contains__(self, name: str) -> bool:
        return plain_name(name) in self._digits

    def digit(self, name: str) -> int | None:
        """Return the digit, or None if the class is ignored.

        Raises:
            KeyError: if it is unknown.
        """
        return self._digits[plain_name(name)]


def plain_name(name: str) -> str:
    """Return the name without spaces around it; "3.0", a number that became text on its way, is "3"."""
    name = name.strip()
    whole = whole_number(name) if "." in name else None
    return name if whole is None else str(whole)


def seeming_digit(name: str) -> int | None:
    """Guess the digit that a name means: `digit_3`, `three`, `"3"`, SVHN's `10` for zero; None if it means none."""
    tokens = _TOKENS.findall(unicodedata.normalize("NFKC", name).casefold())
    found = [digit for token in tokens if (digit := _token_digit(token)) is not None]
    return found[0] if len(found) == 1 else None


def _token_digit(token: str) -> int | None:
    if token in _WORDS:
        return _WORDS.index(token)
    if token == SVHN_ZERO:
        return 0
    return int(token) if token.isdecimal() and len(token) <= 2 and int(token) < 10 else None


def class_option(names: Iterable[str]) -> str:
    """Return the option that takes the classes which seem to mean digits; empty if none does."""
    meant = {plain_name(name): seeming_digit(name) for name in sorted(names)}
    pairs = [shlex.quote(f"{name}={digit}") for name, digit in meant.items() if digit is not None]
    return f"--classes {' '.join(pairs)}" if pairs else ""

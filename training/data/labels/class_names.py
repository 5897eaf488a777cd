"""The digit that a class's name stands for, and the one that it seems to mean."""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping

from training.data.labels.numbers import whole_number

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
        told: digits of classes with other names than "0" .. "9"; None for a class that is ignored.
    """

    def __init__(self, told: Mapping[str, int | None]) -> None:
        self._digits: dict[str, int | None] = {
            **_DIGITS,
            **{plain_name(name): digit for name, digit in told.items()},
        }

    def __contains__(self, name: str) -> bool:
        return plain_name(name) in self._digits

    def digit(self, name: str) -> int | None:
        """Return the digit, or None if the class is ignored.

        Raises:
            KeyError: if nobody says what it is.
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

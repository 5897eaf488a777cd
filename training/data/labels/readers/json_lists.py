"""The elements of the lists in a JSON object, each with the line on which it begins, which `json` does not tell."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from training.data.labels.tree import MAX_ENTRIES, LabelError

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def json_lists(text: str, keys: Collection[str]) -> Iterator[tuple[str, Iterator[tuple[int, Any]]]]:
    """Walk `{"key": [element, ...], ...}`.

    Args:
        text: the document.
        keys: those whose lists are wanted; what other keys hold is skipped.

    Yields:
        Key, and the lines and elements of its list, which have to be taken before the next key.

    Raises:
        LabelError: where the text is no JSON, or no such object.
    """
    reader = _Reader(text)
    reader.take("{")
    if reader.peek() == "}":
        return
    while True:
        key = reader.value()
        reader.take(":")
        if key in keys:
            yield key, reader.elements()
        else:
            reader.value()
        if reader.peek() != ",":
            reader.take("}")
            return
        reader.take(",")


class _Reader:
    """A position in the text, which moves on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._elements = 0

    def peek(self) -> str:
        """Return the next character that is no space; "" at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> None:
        """Move past `wanted`, which has to come next."""
        if self.peek() != wanted:
            raise LabelError(self.line(), f"not JSON that is read: {wanted!r} is missing")
        self._at += 1

    def value(self) -> Any:
        """Move past a value and return it."""
        self.peek()
        try:
            value, self._at = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise LabelError(error.lineno, f"not JSON that is read: {error.msg}") from error
        except RecursionError as error:
            raise LabelError(self.line(), "not JSON that is read: it is nested too deeply") from error
        except ValueError as error:  # an integer of thousands of digits
            raise LabelError(self.line(), f"not JSON that is read: {error}") from error
        return value

    def elements(self) -> Iterator[tuple[int, Any]]:
        """Move past a list; yield its elements, each with its line."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            self.peek()
            line = self.line()
            self._elements += 1
            if self._elements > MAX_ENTRIES:
                raise LabelError(line, f"more than {MAX_ENTRIES:,} elements")
            yield line, self.value()
            if self.peek() != ",":
                self.take("]")
                return
            self.take(",")

    def line(self) -> int:
        """Return the line of the position."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

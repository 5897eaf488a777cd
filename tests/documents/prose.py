"""Counts the words of sentences in documents, and finds those that are too long.

`python -m tests.documents.prose README.md docs` lists them by file and line; the exit code is 1 if there are any.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.documents.pages import without_blocks

MOST_WORDS = 35

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_NEW_UNIT = re.compile(r"^\s*(?:[-*+] |\d+\. |#|>|\||:::|!!!)")
_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_`]*[A-Z0-9])")
_WORD = re.compile(r"\w")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|vs|etc|et al|cf)\.")


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the line on which its paragraph, list item or table cell begins."""

    text: str
    line: int

    @property
    def words(self) -> int:
        return sum(bool(_WORD.search(word)) for word in self.text.split())


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a Markdown text, without its code blocks; inline code counts as one word."""
    for line, unit in _units(without_blocks(_COMMENT.sub(_blank, text))):
        plain = _LINK.sub(r"\1", _CODE.sub("Code", unit))
        plain = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), plain)
        for part in _END.split(plain):
            if _WORD.search(part):
                yield Sentence(part.strip(), line)


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _units(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, list items, headings and table cells, each with its first line."""
    unit: list[str] = []
    first = 1
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if unit and (not line.strip() or _NEW_UNIT.match(line)):
            yield from ((first, cell) for cell in _cells(" ".join(unit)))
            unit = []
        if line.strip():
            first = first if unit else number
            unit.append(line.strip())


def _cells(unit: str) -> list[str]:
    return re.split(r"(?<!\\)\|", unit) if unit.startswith("|") else [unit]


def long_sentences(text: str) -> list[Sentence]:
    return [sentence for sentence in sentences(text) if sentence.words > MOST_WORDS]


def _documents(path: Path) -> list[Path]:
    return sorted(path.rglob("*.md")) if path.is_dir() else [path]


def main(arguments: Sequence[str]) -> int:
    """Prints each sentence that is too long, in the given files and folders."""
    paths = [path for name in arguments for path in _documents(Path(name))]
    found = [(path, each) for path in paths for each in long_sentences(path.read_text("utf-8"))]
    for path, sentence in found:
        print(f"{path}:{sentence.line}: {sentence.words} words: {sentence.text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The project's documents, and the fenced blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md")

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, "" if none is named, its text, and the line of its first fence."""

    language: str
    text: str
    line: int


def page_names() -> list[str]:
    """Every document, by its path from the checkout."""
    pages = [page.relative_to(CHECKOUT).as_posix() for page in sorted(DOCS.rglob("*.md"))]
    return [*ROOT_PAGES, *pages]


def read(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    text = read(page)
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in _FENCE.finditer(text)
    ]


def without_blocks(text: str) -> str:
    """A document's text with its fenced blocks emptied; lines keep their numbers."""
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)


def section(page: str, title: str) -> str:
    """What is below a heading, down to the next one."""
    below = re.split(rf"^#+ {re.escape(title)}\n", read(page), maxsplit=1, flags=re.MULTILINE)[1]
    return re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]

"""What documents name is there, and what a stranger looks for is two clicks from the README."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.documents.pages import CHECKOUT, DOCS, blocks_of, page_names, read, without_blocks

_LINK = re.compile(r"\]\(((?!https?:)[^)#]*)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:deploy|detector|docs|protos|scripts|tests|training)/[\w./-]+)`")

TASKS = {
    "run over a folder": r"^digit-detector detect-folder photos --out ",
    "call the server from another language": r"^grpcurl ",
    "train on own labels": r"^digit-detector-train svhn-fcn --init embedded --data mine ",
    "deploy it": r"^kubectl apply ",
    "how good it is": r"^digit-detector-train evaluate --data DIR --split test",
    "how fast it is": r"^python scripts/benchmark\.py detect",
}
"""What strangers look for, and a command that the page about it shows."""


def linked(page: str) -> set[Path]:
    folder = (CHECKOUT / page).parent
    return {(folder / target).resolve() for target in _LINK.findall(without_blocks(read(page))) if target}


@pytest.mark.parametrize("page", page_names())
def test_every_file_linked_is_there(page: str) -> None:
    assert not [target for target in linked(page) if not target.exists()]


@pytest.mark.parametrize("page", page_names())
def test_every_path_named_is_there(page: str) -> None:
    assert not [path for path in _PATH.findall(without_blocks(read(page))) if not (CHECKOUT / path).exists()]


def within_two_clicks() -> set[Path]:
    first = {page for page in linked("README.md") if page.suffix == ".md"}
    second = {
        page
        for each in first
        if each.is_relative_to(DOCS)
        for page in linked(str(each.relative_to(CHECKOUT)))
    }
    return first | {page for page in second if page.suffix == ".md"}


def test_every_page_is_two_clicks_from_the_readme() -> None:
    website = {DOCS / "index.md", DOCS / "reference.md"}  # the website's own
    lost = set(DOCS.rglob("*.md")) - within_two_clicks() - website
    assert not lost


@pytest.mark.parametrize("task", TASKS)
def test_a_stranger_finds_the_page_for(task: str) -> None:
    pages = [str(page.relative_to(CHECKOUT)) for page in within_two_clicks() if page.is_relative_to(DOCS)]
    shown = [
        page for page in pages if any(re.search(TASKS[task], block.text, re.M) for block in blocks_of(page))
    ]
    assert shown


def test_extras_that_documents_name_exist() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"'\.\[([\w,-]+)\]'", "".join(map(read, page_names())))
    assert named
    assert {extra for names in named for extra in names.split(",")} <= set(extras)


def test_blocks_are_of_known_languages() -> None:
    languages = {block.language for page in page_names() for block in blocks_of(page)}
    assert languages <= {"sh", "python", "js", "csv", "json", "output", "text"}


@pytest.mark.parametrize("page", page_names())
def test_json_blocks_parse(page: str) -> None:
    for block in blocks_of(page):
        if block.language == "json":
            json.loads(block.text)

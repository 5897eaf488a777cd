"""Documents are short, their sentences too, and they use the glossary's words."""

import re
from pathlib import Path

import pytest

from tests.documents.pages import page_names, read, without_blocks
from tests.documents.prose import MOST_WORDS, long_sentences, main, sentences

README_LINES = 150
PAGE_WORDS = 1000
"""About three screens."""

FORMER_WORDS = {
    r"second look": "refiner",
    r"\bthorough\b": "--preset long",
    r"old-data": "--replay-data",
    r"closed-health": "--health-auth",
    r"full house": "overload",
    r"by heart": "overfit",
    r"pupil": "student",
    r"number accuracy": "sequence accuracy",
    r"--output\b": "--out",
}
"""Words of earlier versions, and what they are called now."""


@pytest.mark.parametrize("page", page_names())
def test_no_sentence_is_too_long(page: str) -> None:
    assert not [f"{page}:{each.line}: {each.words} words: {each.text}" for each in long_sentences(read(page))]


@pytest.mark.parametrize("page", page_names())
def test_a_page_fits_three_screens(page: str) -> None:
    assert len(read(page).split()) <= PAGE_WORDS


def test_the_readme_fits_one_page() -> None:
    assert len(read("README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", page_names())
def test_words_are_those_of_the_glossary(page: str) -> None:
    text = without_blocks(read(page))
    found = {word: now for word, now in FORMER_WORDS.items() if re.search(word, text, re.IGNORECASE)}
    assert not found, "these words are called otherwise now"


LONG = "word " * (MOST_WORDS + 1)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        pytest.param("One two. Three four five.", [2, 3], id="a full stop ends a sentence"),
        pytest.param("Uses 1.5 GB at v2026.11-1 now.", [6], id="a point within a number does not"),
        pytest.param("It runs\nover lines.\n\nNext one", [4, 2], id="lines go on, paragraphs do not"),
        pytest.param("- one item\n- another item\n  that goes on", [2, 5], id="items are sentences"),
        pytest.param(
            "| a cell | another one |\n|---|---|\n| x | y z |", [2, 2, 1, 2], id="cells are sentences"
        ),
        pytest.param("Run `a b c d` now.", [3], id="code is one word"),
        pytest.param("See [the whole page](a/b.md) there.", [5], id="a link counts by its text"),
        pytest.param("Before.\n```sh\none two three\n```\nAfter it.", [1, 2], id="blocks do not count"),
        pytest.param("Weights (Hinton et al. 2015) help.", [6], id="an abbreviation ends nothing"),
        pytest.param("<!-- not\nshown --> shown.", [1], id="comments do not count"),
        pytest.param("Is it? Yes! *Really.* So", [2, 1, 1, 1], id="other ends, and emphasis"),
        pytest.param("It ends. `code` begins.", [2, 2], id="code begins a sentence"),
    ],
)
def test_words_are_counted_by_sentence(text: str, counts: list[int]) -> None:
    assert [sentence.words for sentence in sentences(text)] == counts


def test_the_script_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text(f"# Page\n\nShort.\n\n{LONG}.\n")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith(f"{tmp_path}/page.md:5: {MOST_WORDS + 1} words: word")
    (tmp_path / "page.md").write_text("Short.\n")
    assert main([str(tmp_path / "page.md")]) == 0

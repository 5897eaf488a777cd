"""Every block of every page runs as it is written, and prints what the page shows.

Only ports are others, since another server may hold the usual ones, and trainings take two steps.
"""

import re

import pytest

from tests.documents.commands import (
    PARSERS,
    RULES,
    check_arguments,
    check_mention,
    is_plain,
    lines_of,
    rule_for,
    serves,
)
from tests.documents.conftest import Walks
from tests.documents.pages import blocks_of, page_names, read
from tests.documents.walk import alike

WITH_BLOCKS = [
    page for page in page_names() if any(block.language in ("sh", "python") for block in blocks_of(page))
]


def command_lines() -> list[str]:
    return [
        line
        for page in page_names()
        for block in blocks_of(page)
        if block.language == "sh"
        for line in lines_of(block.text)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_every_block_runs(page: str, walk: Walks) -> None:
    walk(page)


def test_every_rule_is_needed() -> None:
    """A rule that leaves out nothing any more would leave out something unseen one day."""
    used = {rule_for(line) for line in command_lines()}
    assert not [rule.pattern for rule in RULES if rule not in used]


@pytest.mark.parametrize("page", page_names())
def test_commands_within_sentences_parse(page: str) -> None:
    for command in re.findall(rf"`((?:{'|'.join(PARSERS)}) [^`]+)`", read(page)):
        check_mention(command)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        pytest.param("digit-detector detect a.jpg --jsn", "--jsn", id="an unknown option"),
        pytest.param("cat list | digit-detector detect-folder -", "detect-folder", id="one that is missing"),
        pytest.param("digit-detector-train fine-tune && echo", "fine-tune", id="an unknown command"),
    ],
)
def test_a_command_that_does_not_parse_is_found(line: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        check_arguments(line)


@pytest.mark.parametrize(
    ("command", "right"),
    [
        pytest.param("digit-detector detect-folder", True, id="a command's name"),
        pytest.param("digit-detector info --server", True, id="an option's name"),
        pytest.param("digit-detector detect a.jpg && ./release", True, id="a command within a line"),
        pytest.param("digit-detector inform", False, id="no command"),
        pytest.param("digit-detector info --sever", False, id="no option"),
    ],
)
def test_commands_that_sentences_mention(command: str, right: bool) -> None:
    if right:
        check_mention(command)
    else:
        with pytest.raises(ValueError, match="digit-detector inf"):
            check_mention(command)


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        pytest.param("a  # why\nb\n", ["a", "b"], id="comments"),
        pytest.param("a \\\n  --b\n", ["a   --b"], id="continued lines"),
        pytest.param("# all of it\n\na '#1'\n", ["a '#1'"], id="no comment within a word"),
    ],
)
def test_lines_of_a_block(block: str, lines: list[str]) -> None:
    assert lines_of(block) == lines


def test_what_runs_in_this_process() -> None:
    assert is_plain("digit-detector detect house.jpg")
    assert not is_plain("digit-detector detect *.jpg")
    assert not is_plain("echo digit-detector")
    assert serves("A=b digit-detector serve --tracing")
    assert serves("digit-detector web")
    assert not serves("digit-detector health")


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        pytest.param("3 0.84 (52.2, 11.0)", "3 0.8462 (52.174, 10.9)\n", True, id="decimals are shortened"),
        pytest.param("a   b\n", "a b", True, id="spaces"),
        pytest.param("[39.7 2.0]", "[39.6758  1.99999 ]", True, id="an array of NumPy's"),
        pytest.param("3 0.84", "4 0.84", False, id="another digit"),
        pytest.param("3 0.84", "3 0.44", False, id="another score"),
        pytest.param("(52.2, 11.0)", "(52.2, 31.0)", False, id="another box"),
        pytest.param("3 0.84", "3 0.84 0.1", False, id="more than is shown"),
    ],
)
def test_output_that_is_alike(shown: str, printed: str, same: bool) -> None:
    assert alike(shown, printed) is same

"""The command lines in documents: which of them a test cannot run, why, and what is checked of them instead."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import detector.cli.main
import training.cli.main

MAINS = {"digit-detector": detector.cli.main.main, "digit-detector-train": training.cli.main.main}
PARSERS = {"digit-detector": detector.cli.main.parser, "digit-detector-train": training.cli.main.parser}

SHELL_SYNTAX = set("|&;<>()$`*?[]{}~'\"\\")


@dataclass(frozen=True)
class Rule:
    """Lines that a test does not run, told by a pattern that is found in them, and the reason."""

    pattern: str
    reason: str


RULES = (
    Rule(r"^make ", "it runs these tests, or installs what they run in"),
    Rule(r"pip install ", "make install has installed it"),
    Rule(r"^docker ", "there is no container engine; make soak carries out the Dockerfile"),
    Rule(r"^kubectl ", "there is no cluster; tests/test_deploy.py validates the manifests"),
    Rule(r"^systemctl |^python3 -m venv /opt|^cp deploy/", "it changes the system, as root"),
    Rule(r"^python -m venv ", "it makes an environment for downloads of two gigabytes"),
    Rule(r"^ray |^serve |^export RAY_", "it takes several machines; tests/on_ray starts clusters of its own"),
    Rule(r"--engine ray|--workers ", "it takes Ray; tests/on_ray runs it"),
    Rule(r"^cat digits/\*\.jsonl", "it takes what Ray wrote; tests/on_ray runs it"),
    Rule(r"--watch$", "it ends by Ctrl-C; tests/detector/folders watches folders"),
    Rule(r"python scripts/benchmark\.py", "it takes minutes; tests/test_benchmark.py runs every section"),
    Rule(
        r"\bDIR\b|--data [A-Z]+\b|--data data\b|--runs runs\b",
        "it takes the official downloads or the reader's own data, and hours",
    ),
)


def lines_of(block: str) -> list[str]:
    """The command lines of a shell block, without comments; a line that ends in a backslash goes on in the next."""
    lines = (re.sub(r"\s+# .*$", "", line) for line in block.replace("\\\n", "").splitlines())
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def rule_for(line: str) -> Rule | None:
    return next((rule for rule in RULES if re.search(rule.pattern, line)), None)


def is_plain(line: str) -> bool:
    """Whether a line is one of our commands and nothing that only a shell understands."""
    return line.partition(" ")[0] in MAINS and not SHELL_SYNTAX & set(line)


def serves(line: str) -> bool:
    return re.search(r"(^|\s)digit-detector (serve|web)\b", line) is not None


def run_plain(line: str) -> int:
    """Runs one of our commands in this process, and returns its exit code."""
    name, *arguments = shlex.split(line)
    return MAINS[name](arguments)


def check_arguments(line: str) -> None:
    """Raises ValueError if the line calls one of our commands with what it does not take, or without what it needs."""
    for command in _our_commands(line):
        complaint = _complaint(command)
        if complaint:
            raise ValueError(f"{command}: {complaint}")


def check_mention(text: str) -> None:
    """Raise ValueError if a sentence names a command or an option that is not there; what it needs may be left out."""
    for command in _our_commands(text):
        complaint = _complaint(command)
        if complaint and not re.search(
            r"arguments are required|expected .*argument|one of the arguments", complaint
        ):
            raise ValueError(f"{command}: {complaint}")


def _complaint(command: str) -> str:
    """Gives what the parser says against a command, "" if it takes it."""
    name, *arguments = shlex.split(command)
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            PARSERS[name]().parse_args(arguments)
        except SystemExit as end:
            return said.getvalue() if end.code else ""
    return ""


def _our_commands(line: str) -> Iterator[str]:
    for part in re.split(r"\s*(?:\|\|?|&&|;|>)\s*", line):
        command = re.sub(r"^(?:[A-Z_]+=\S+ )*", "", part)
        if command.partition(" ")[0] in MAINS:
            yield command

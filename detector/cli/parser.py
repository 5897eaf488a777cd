"""A parser of command lines that suggests what was meant."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn


class HintingParser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors name the commands and options that are like the misspelt ones.

    Subcommands are parsed by parsers of the same class, so an unknown option is reported with the usage of its own
    command, even where a required one is missing because of it.
    """

    _given: Sequence[str] = ()

    def parse_known_args(  # type: ignore[override] # argparse's stub has overloads for namespaces of other classes
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """See `argparse.ArgumentParser`; unknown options are an error here already."""
        self._given = list(sys.argv[1:] if args is None else args)
        parsed, unknown = super().parse_known_args(self._given, namespace)
        if any(argument.startswith("-") for argument in unknown):
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """End the program with usage, message and, where something is alike, what may have been meant."""
        hints = [f"did you mean {meant}?" for meant in (*self._like_command(), *self._like_options())]
        super().error("; ".join((message, *hints)))

    def _like_command(self) -> list[str]:
        subparsers = (action for action in self._actions if isinstance(action, argparse._SubParsersAction))
        commands = [name for action in subparsers for name in action.choices]
        given = next((argument for argument in self._given if not argument.startswith("-")), None)
        return [] if given is None or given in commands else _most_alike(given, commands)

    def _like_options(self) -> list[str]:
        known = self._option_string_actions
        options = (argument.partition("=")[0] for argument in self._given if argument.startswith("--"))
        unknown = [option for option in options if not any(name.startswith(option) for name in known)]
        return [found for option in unknown for found in _most_alike(option, known)]


def _most_alike(given: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(given.lower(), known, n=1)

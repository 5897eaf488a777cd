"""The frame of every program of this project: parse with hints, end with an exit code, survive broken streams."""

import argparse
import difflib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NoReturn

from detector import __version__
from detector.results.errors import DetectorError, InvalidOptionError, InvalidRequestError, ModelError

OK, SOME_FAILED, NOT_STARTED, BROKEN_OFF, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
"""All images read; some were not; wrong usage or a failed start; the work broke off, for example because the disk is
full or the server went away; stopped by Ctrl-C; by SIGTERM."""


def complain(message: str, program: str = "digit-detector: error") -> None:
    """Says on standard error, in one line, what is wrong."""
    print(f"{program}: {' '.join(message.splitlines())}", file=sys.stderr)


_DESTINATIONS = {
    "max_pixels": "max_megapixels",
    "output": "out",
    "report": "out",
    "score_threshold": "min_score",
    "timeout_s": "timeout",
}
"""The arguments that are called otherwise than the options that they set."""


def explain(error: DetectorError, command: argparse.ArgumentParser) -> str:
    """Return an error's message; of an option it names the command's argument, as argparse's own errors do."""
    if not isinstance(error, InvalidOptionError):
        return str(error)
    arguments = {action.dest: action for action in command._actions}
    action = arguments.get(error.field) or arguments.get(_DESTINATIONS.get(error.field, ""))
    return str(error) if action is None else str(argparse.ArgumentError(action, error.detail))


@contextmanager
def one_line_if_broken_off(consequence: str) -> Iterator[None]:
    """End the program if the work cannot go on: the server has gone away, or the disk is full."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (InvalidRequestError, ModelError):
        raise  # what was asked for cannot be begun
    except (DetectorError, OSError) as error:
        complain(f"{error}; {consequence}")
        sys.exit(BROKEN_OFF)


def add_version(parser: argparse.ArgumentParser) -> None:
    """--version: one for all programs of this project."""
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")


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


_UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)


def run_command(command: Callable[[], int]) -> int:
    """Run a command with standard streams that work, and return its exit code.

    A closed stream is taken for the null device. A reader that goes away, as `head` does, ends the command in silence,
    a full disk behind standard output ends it with one line.
    """
    _use_standard_streams()
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _abandon_standard_streams()
        return SOME_FAILED
    except OSError as error:
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        _abandon_standard_streams(sys.stdout)
        complain(f"standard output cannot be written: {error.strerror}")
        return BROKEN_OFF


def _use_standard_streams() -> None:
    for descriptor in range(3):  # the next file that is opened would get a free one, and what is printed
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - it lives as long as the process
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # any name, in any locale


def _abandon_standard_streams(*streams: IO[str]) -> None:
    """Lets the interpreter's last flush end in the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams or (sys.stdout, sys.stderr):
        os.dup2(null, stream.fileno())

"""What several commands take: the model, thresholds, and the checks of single values.

Only what parsing needs is imported in this package; the commands come in when one is known. So help is quick,
and a server that is told to stop while it still loads stops.
"""

import argparse
import math
import textwrap
from collections.abc import Callable
from pathlib import Path

EXIT_CODES = (
    "Exit code: 0 if all images were read, 1 if some were not, 2 for wrong usage or a failed start, 3 if the work "
    "broke off (the disk is full, the server went away), 130 after Ctrl-C, 143 after SIGTERM."
)

AddParser = Callable[..., argparse.ArgumentParser]


def command(
    add_parser: AddParser, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """A subcommand whose help explains itself: `summary` for the list, `examples` below its options."""
    return add_parser(
        name,
        help=summary,
        description="\n".join(textwrap.wrap(description, 80)),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_model(command: argparse._ActionsContainer) -> None:
    """--model."""
    command.add_argument(
        "--model",
        type=Path,
        metavar="DIR",
        help="a model that digit-detector-train wrote (default: the embedded one)",
    )


def add_runtime(command: argparse.ArgumentParser) -> None:
    """--runtime, None if it is not given."""
    command.add_argument(
        "--runtime",
        choices=("tensorflow", "openvino"),
        help="what computes the model: tensorflow (default), or openvino, which is faster on processors with "
        "bfloat16 instructions (AMX, AVX512-BF16) and needs digit-detector[openvino]",
    )


def add_annotated(command: argparse.ArgumentParser) -> None:
    """--annotated."""
    command.add_argument(
        "--annotated",
        type=Path,
        metavar="DIR",
        help="also write each picture there with its digits painted on it",
    )


def add_min_score(command: argparse.ArgumentParser) -> None:
    """--min-score."""
    command.add_argument(
        "--min-score",
        type=score,
        metavar="S",
        help="keep every digit with at least this score, 0 to 1 (default: the model's own rule, see info)",
    )


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers from `least` to `most`, or from `least` on."""
    range_ = f"from {least} to {most}" if most is not None else f"from {least} on"

    def parse(text: str) -> int:
        if not (text.isdecimal() and least <= int(text) and (most is None or int(text) <= most)):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {range_}")
        return int(text)

    return parse


def port(text: str) -> int:
    """A TCP port, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, up to a day."""
    value = _number(text)
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 86400")
    return value


def score(text: str) -> float:
    """A number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a score: a number from 0 to 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

"""Options that several commands share.

Only what parsing needs is imported at the top of this package's modules; the rest comes in when a command runs. So
help is quick, and a server that is told to stop while it still loads stops.
"""

import argparse
import math
import os
import re
import textwrap
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from detector.system.native_notices import import_quietly

EXIT_CODES = (
    "Exit code: 0 if all images were read, 1 if some were not, 2 for wrong usage or a failed start, 3 if the work "
    "broke off (the disk is full, the server went away), 130 after Ctrl-C, 143 after SIGTERM."
)

AddParser = Callable[..., argparse.ArgumentParser]


def command(
    add_parser: AddParser, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Return a subcommand whose help explains itself: `summary` for the list, `examples` below its options."""
    parser = add_parser(
        name,
        help=summary,
        description="\n".join(textwrap.wrap(description, 80)),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=parser)
    return parser


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
        choices=("openvino", "openvino-int8", "openvino-bf16", "openvino-f32", "tensorflow"),
        metavar="NAME",
        help="inference runtime: openvino (default; the fastest precision that is accurate on this CPU), "
        "openvino-int8, openvino-bf16, openvino-f32, or tensorflow (the reference, several times slower)",
    )


def add_exhaustive(command: argparse.ArgumentParser) -> None:
    """--exhaustive."""
    command.add_argument(
        "--exhaustive",
        action="store_true",
        default=None,
        help="skip the gate and run the FCN on every window; several times slower",
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


def add_max_megapixels(command: argparse._ActionsContainer) -> None:
    """--max-megapixels, None if it is not given."""
    command.add_argument(
        "--max-megapixels",
        type=whole_number(1, 1000),
        metavar="N",
        help="refuse larger images (default: 100; an image of that size needs about 1 GB of memory)",
    )


def max_pixels(args: argparse.Namespace) -> int | None:
    """Return what --max-megapixels says; None if nothing, or the command has no such option."""
    megapixels = getattr(args, "max_megapixels", None)
    return None if megapixels is None else int(megapixels) * 1_000_000


def add_detector(command: argparse.ArgumentParser) -> None:
    """Who detects many images, what it takes on, and how a server is asked."""
    add_max_megapixels(command)
    add_where(command)
    _add_batch(command)


def add_where(command: argparse.ArgumentParser) -> None:
    """--model or --server: who detects; and how to reach the server."""
    where = command.add_mutually_exclusive_group()
    add_model(where)
    where.add_argument(
        "--server",
        metavar="HOST:PORT",
        help="ask this server instead of loading a model here; several with commas between them take turns",
    )
    add_runtime(command)
    add_security(command)


def add_security(command: argparse.ArgumentParser) -> None:
    """TLS and token of whoever asks a server."""
    group = command.add_argument_group("to reach the server")
    group.add_argument(
        "--tls",
        action="store_true",
        help="encrypt, and trust the publicly known certificate authorities (implied by the other --tls options)",
    )
    group.add_argument("--tls-ca", type=Path, metavar="FILE", help="trust these authorities instead (PEM)")
    group.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="show this certificate to the server (PEM)"
    )
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="the private key of --tls-cert (PEM)")
    group.add_argument(
        "--tls-server-name",
        metavar="NAME",
        help="the name that the server's certificate must carry (default: the host of --server)",
    )
    group.add_argument(
        "--token-file", type=Path, metavar="FILE", help="send the bearer token in this file with every call"
    )


def _add_batch(command: argparse.ArgumentParser) -> None:
    """--timeout and --calls: how a server is asked for many images."""
    group = command.add_argument_group("how to ask the server")
    group.add_argument(
        "--timeout",
        type=timeout,
        metavar="SECONDS",
        help="for an image that takes longer the result is an error (default: a minute, and 15 s for each megapixel "
        "under way)",
    )
    group.add_argument(
        "--calls",
        type=whole_number(1, 64),
        metavar="N",
        help="images under way at a time (default: 4)",
    )


def prepare_libraries(args: argparse.Namespace) -> None:
    """Tells libraries what they look for in the environment when they are imported, and keeps them quiet."""
    import_quietly()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong arrives as an exception
    pixels = max_pixels(args)
    if pixels is not None:
        from detector.results.interface import MAX_PIXELS, OPENCV_PIXEL_LIMIT  # noqa: PLC0415 - see above

        os.environ[OPENCV_PIXEL_LIMIT] = str(max(pixels, MAX_PIXELS))


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`, or from `least` on."""
    range_ = f"from {least} to {most}" if most is not None else f"from {least} on"

    def parse(text: str) -> int:
        if not (text.isdecimal() and least <= int(text) and (most is None or int(text) <= most)):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {range_}")
        return int(text)

    return parse


def port(text: str) -> int:
    """Return a TCP port, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, up to a day."""
    value = _number(text)
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 86400")
    return value


def timeout(text: str) -> float:
    """Return a number of seconds above 0, up to a day."""
    value = seconds(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} leaves no time: give seconds above 0")
    return value


def metres(text: str) -> float:
    """Return a distance such as 15m, up to 100 km."""
    value = _number(text.removesuffix("m"))
    if not (text.endswith("m") and 0 <= value <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a distance such as 15m")
    return value


def file_name(text: str) -> str:
    """Return a file's name; `-` is none, these files are read or replaced more than once."""
    if text == "-":
        raise argparse.ArgumentTypeError("standard input/output is not supported here: name a file")
    return text


def file_path(text: str) -> Path:
    """Return a file's path; see `file_name`."""
    return Path(file_name(text))


def score(text: str) -> float:
    """Return a number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a score: a number from 0 to 1")
    return value


def frame_step(text: str) -> tuple[Fraction, str]:
    """Return a step between the frames of a video: 0.5s for seconds, 10f for frames."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s|(\d+)f", text, re.ASCII)
    step = Fraction(0) if found is None else Fraction(found[1] or found[2])
    if not 0 < step <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a step such as 0.5s or 10f")
    return step, text[-1]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

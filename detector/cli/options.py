"""Options that several commands share.

Only what parsing needs is imported at the top of this package's modules; the rest comes in when a command runs. So
help is quick, and a server that is told to stop while it still loads stops.
"""

import argparse
import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from detector.results.errors import ClientSetupError

if TYPE_CHECKING:
    from detector.cli.running import DetectorChoice
    from detector.serving.client.connection import Connection

EXIT_CODES = (
    "Exit code: 0 if all images were read, 1 if some were not, 2 for wrong usage or a failed start, 3 if the work "
    "broke off (the disk is full, the server went away), 130 after Ctrl-C, 143 after SIGTERM."
)

AddParser = Callable[..., argparse.ArgumentParser]


def command(
    add_parser: AddParser, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Return a subcommand whose help explains itself: `summary` for the list, `examples` below its options."""
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


def score(text: str) -> float:
    """Return a number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a score: a number from 0 to 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


_TLS_OPTIONS = ("tls_ca", "tls_cert", "tls_key", "tls_server_name")


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


def connection(args: argparse.Namespace) -> "Connection":
    """Return the connection that the arguments describe.

    Raises:
        ClientSetupError: if they describe none.
    """
    from detector.serving.client.connection import Connection, Tls, read_token  # noqa: PLC0415 - see shared

    tls = None
    if args.tls or any(getattr(args, name) is not None for name in _TLS_OPTIONS):
        tls = Tls(args.tls_ca, args.tls_cert, args.tls_key, args.tls_server_name)
    token = None if args.token_file is None else read_token(args.token_file)
    return Connection(args.server, tls, token)


def choice(args: argparse.Namespace) -> "DetectorChoice":
    """Who detects.

    Raises:
        ClientSetupError: if the arguments about a server describe none.
    """
    from detector.cli.running import DetectorChoice  # noqa: PLC0415 - see shared

    if args.server is not None:
        if args.runtime is not None:
            raise ClientSetupError("--runtime says what computes the model here; a server has its own")
        return DetectorChoice(server=connection(args))
    for name in ("tls", *_TLS_OPTIONS, "token_file"):
        if getattr(args, name):
            raise ClientSetupError(
                f"--{name.replace('_', '-')} says how to reach a server: name it with --server"
            )
    return DetectorChoice(args.model, args.runtime or DetectorChoice.runtime)

"""Options that say who detects: a model here, or a server and how it is asked."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.options import (
    add_max_megapixels,
    add_model,
    add_runtime,
    max_pixels,
    timeout,
    whole_number,
)
from detector.results.errors import ClientSetupError

if TYPE_CHECKING:
    from detector.cli.detector_choice import DetectorChoice
    from detector.serving.client.batch import BatchSettings
    from detector.serving.client.connection import Connection

_TLS_OPTIONS = ("tls_ca", "tls_cert", "tls_key", "tls_server_name")


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


def connection(args: argparse.Namespace) -> "Connection":
    """Return the connection that the arguments describe.

    Raises:
        ClientSetupError: if they describe none.
    """
    from detector.serving.client.connection import Connection, Tls, read_token  # noqa: PLC0415 - see detector.cli.options

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
    from detector.cli.detector_choice import DetectorChoice  # noqa: PLC0415 - see detector.cli.options

    if args.server is not None:
        if args.runtime is not None:
            raise ClientSetupError("--runtime says what computes the model here; a server has its own")
        if max_pixels(args) is not None:
            raise ClientSetupError("--max-megapixels says what is taken on here; a server has its own limit")
        return DetectorChoice(server=connection(args), batch=_batch(args))
    for name in ("tls", *_TLS_OPTIONS, "token_file", "timeout", "calls"):
        if getattr(args, name, None):  # not every command has the last two
            raise ClientSetupError(f"--{name.replace('_', '-')} is for a server: name one with --server")
    return DetectorChoice(args.model, args.runtime or DetectorChoice.runtime, max_pixels(args))


def _batch(args: argparse.Namespace) -> "BatchSettings":
    from detector.serving.client.batch import BatchSettings  # noqa: PLC0415 - see detector.cli.options

    calls = getattr(args, "calls", None) or BatchSettings.calls
    return BatchSettings(calls, getattr(args, "timeout", None))

"""What a command takes that may ask a server: which one, how to encrypt, and with which token."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from detector.arguments.shared import add_model, add_runtime
from detector.errors import ClientSetupError

if TYPE_CHECKING:
    from detector.commands.choice import DetectorChoice
    from detector.serving.connection import Connection

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
    """The connection that the arguments describe.

    Raises:
        ClientSetupError: if they describe none.
    """
    from detector.serving.connection import Connection, Tls, read_token  # noqa: PLC0415 - see shared

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
    from detector.commands.choice import DetectorChoice  # noqa: PLC0415 - see shared

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

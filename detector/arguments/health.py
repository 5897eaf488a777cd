"""`digit-detector health`."""

import argparse

from detector.arguments.remote import add_security, connection
from detector.arguments.shared import AddParser, command, seconds


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
    parser = command(
        add_parser,
        "health",
        "say whether a server is ready",
        "Asks a server's health service (grpc.health.v1) once and prints SERVING or NOT_SERVING. Meant for "
        "a container's health check and for scripts. Exit code: 0 if it is serving, 1 if it is not or does not "
        "answer, 2 for wrong usage.",
        """\
  digit-detector health
  digit-detector health --server detector.example:50051 --tls-ca ca.pem --timeout 2""",
    )
    parser.add_argument(
        "--server", default="127.0.0.1:50051", metavar="HOST:PORT", help="default: %(default)s"
    )
    parser.add_argument(
        "--timeout", default=5.0, type=seconds, metavar="S", help="seconds to wait (default: %(default)g)"
    )
    add_security(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.commands.health import health  # noqa: PLC0415 - see detector.arguments.shared

    return health(connection(args), args.timeout)

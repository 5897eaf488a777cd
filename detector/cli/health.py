"""`digit-detector health`: is a server ready?"""

import argparse
from typing import TYPE_CHECKING

from detector.cli.options import AddParser, add_security, command, timeout
from detector.cli.program import OK, SOME_FAILED, complain
from detector.results.errors import DetectorError

if TYPE_CHECKING:
    from detector.serving.client.connection import Connection


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
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
        "--timeout", default=5.0, type=timeout, metavar="S", help="seconds to wait (default: %(default)g)"
    )
    add_security(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.cli.detector_choice import connection  # noqa: PLC0415

    return health(connection(args), args.timeout)


def health(connection: "Connection", timeout_s: float) -> int:
    """Print the server's health; return the exit code."""
    from detector.cli.detector_choice import explained  # noqa: PLC0415
    from detector.serving.client import DetectorClient  # noqa: PLC0415

    try:
        with (
            explained(connection),
            DetectorClient(connection.servers, tls=connection.tls, token=connection.token) as client,
        ):
            serving = client.is_serving(timeout_s)
    except DetectorError as error:
        complain(str(error))
        return SOME_FAILED
    print("SERVING" if serving else "NOT_SERVING")
    return OK if serving else SOME_FAILED

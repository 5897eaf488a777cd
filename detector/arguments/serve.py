"""`digit-detector serve`."""

import argparse
import os
import signal

from detector.arguments.shared import AddParser, add_model, command, port
from detector.serving.settings import ServerSettings


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
    parser = command(
        add_parser,
        "serve",
        "answer over gRPC (detector.v1.DigitDetector)",
        "Loads the model, then serves detector.v1.DigitDetector with health service and reflection. Prints "
        "`ready: detector.v1 on HOST:PORT` once it answers. SIGTERM or Ctrl-C ends it: calls that run are "
        "finished, the exit code is 0.",
        """\
  digit-detector serve
  digit-detector serve --host 0.0.0.0 --port 8500 --model models/mine
  digit-detector serve --port 0        # any free port; the ready line says which""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=50051, type=port, help="port to listen on (default: %(default)s)")
    add_model(parser)
    parser.set_defaults(run=_run)


def settings_of(args: argparse.Namespace) -> ServerSettings:
    """What the server is told."""
    return ServerSettings(host=args.host, port=args.port)


def _run(args: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # the server, once it is imported, handles them itself
        signal.signal(number, lambda *_: os._exit(0))
    from detector.serving.process import serve  # noqa: PLC0415 - see detector.arguments.shared

    return serve(settings_of(args), args.model)

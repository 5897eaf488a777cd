"""`digit-detector web`: a page to try pictures on."""

import argparse
import os
import signal

from detector.cli.options import (
    AddParser,
    add_max_megapixels,
    add_model,
    add_runtime,
    command,
    max_pixels,
    port,
)
from detector.cli.program import OK
from detector.results.errors import ServerStartError


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "web",
        "open a page to try your own pictures on",
        "Serves a page for the browser: drop a picture or take one with the phone's camera, and see what is found, at "
        "the scores of your choice. It works without the internet, and keeps no picture. Prints `ready: "
        "http://HOST:PORT/` once it answers; SIGTERM or Ctrl-C ends it with exit code 0. It needs digit-detector[web].",
        """\
  digit-detector web
  digit-detector web --port 0                      # any free port; the ready line says which
  digit-detector web --host 0.0.0.0 --insecure     # for phones in a network that you trust""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=8080, type=port, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="listen to other machines too (see --host), without encryption",
    )
    add_model(parser)
    add_runtime(parser)
    add_max_megapixels(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):  # while it serves, the server first finishes what runs
        signal.signal(number, lambda *_: os._exit(OK))
    try:
        from detector.web.server import WebSettings, serve  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise ServerStartError("the page needs more libraries: pip install 'digit-detector[web]'") from error
    runtime = args.runtime or WebSettings.runtime
    serve(WebSettings(args.host, args.port, args.insecure, args.model, runtime, max_pixels(args)))
    return OK

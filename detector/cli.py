"""`digit-detector`: parses the command line and makes one call for it.

Only what parsing needs is imported here; the commands come in when one is known. So help is quick, and a
server that is told to stop while it still loads stops.
"""

import argparse
import math
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from detector.console import INTERRUPTED, NOT_STARTED, SOME_FAILED, complain
from detector.errors import DetectorError

_EXIT_CODES = "Exit code: 0 if all images were read, 1 if some were not, 2 for wrong usage or a failed start."

AddParser = Callable[..., argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. What the user can mend is one line on standard error."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # any name, in any locale
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what goes wrong arrives as an exception
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except DetectorError as error:
        complain(str(error))
        return NOT_STARTED
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line; `run` of what it parses is the command's function."""
    root = argparse.ArgumentParser(
        prog="digit-detector",
        description="Finds house-number digits in street images, and reads the numbers that they spell.",
        epilog="digit-detector COMMAND --help explains a command, with examples.",
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_serve, _add_detect, _add_detect_folder, _add_info):
        add(commands.add_parser)
    return root


def _add_serve(add_parser: AddParser) -> None:
    command = _command(
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
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", default=50051, type=_port, help="port to listen on (default: %(default)s)")
    _add_model(command)
    command.set_defaults(run=_serve)


def _add_detect(add_parser: AddParser) -> None:
    command = _command(
        add_parser,
        "detect",
        "find the digits in some images",
        "Prints a table of the digits in each image, or with --json one line of JSON per image, the same as "
        f"detect-folder writes. An image that cannot be read is reported, the others go on. {_EXIT_CODES}",
        """\
  digit-detector detect house.jpg
  digit-detector detect *.jpg --json > digits.jsonl
  digit-detector detect house.jpg --annotated out     # writes out/house.jpg with boxes and labels
  digit-detector detect house.jpg --min-score 0.3     # more digits, more of them wrong""",
    )
    command.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG, PNG, WebP, BMP, TIFF or GIF file")
    command.add_argument("--json", action="store_true", help="print one line of JSON per image")
    _add_annotated(command)
    _add_min_score(command)
    _add_where(command)
    command.set_defaults(run=_detect)


def _add_detect_folder(add_parser: AddParser) -> None:
    command = _command(
        add_parser,
        "detect-folder",
        "find the digits in every image below a folder",
        "Detects every image below IMAGES (by the file's ending: .jpg .jpeg .png .webp .bmp .tif .tiff .gif) in "
        "the order of their paths, and writes one line of JSON per image. An image that cannot be read gets a "
        "line that says why, the others go on. While it runs the lines are in OUT.jsonl.part, which becomes "
        f"OUT.jsonl at the end. {_EXIT_CODES}",
        """\
  digit-detector detect-folder photos --output digits.jsonl
  digit-detector detect-folder photos --output digits.jsonl --annotated photos-annotated
  digit-detector detect-folder photos --output digits.jsonl --server 127.0.0.1:50051

a line of the output:
  {"image": "street/1.jpg", "width_px": 640, "height_px": 480,
   "digits": [{"label": 7, "score": 0.98, "box": [x_min, y_min, x_max, y_max]}, ...],
   "numbers": [{"text": "75", "score": 0.97, "box": [...], "digits": [0, 1]}]}
  {"image": "street/2.jpg", "error": {"code": "IMAGE_UNDECODABLE", "message": "..."}}""",
    )
    command.add_argument(
        "images", type=Path, metavar="IMAGES", help="folder of images, with all folders in it"
    )
    command.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="OUT.jsonl",
        help="file to write; replaced if it is there",
    )
    _add_annotated(command)
    _add_min_score(command)
    _add_where(command)
    command.set_defaults(run=_detect_folder)


def _add_info(add_parser: AddParser) -> None:
    command = _command(
        add_parser,
        "info",
        "say which model answers, its limits and its defaults",
        "Prints the model's name, version and hash, what it was trained on, its limits and its defaults.",
        """\
  digit-detector info
  digit-detector info --server 127.0.0.1:50051""",
    )
    _add_where(command)
    command.set_defaults(run=_info)


def _command(
    add_parser: AddParser, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    return add_parser(
        name,
        help=summary,
        description="\n".join(textwrap.wrap(description, 80)),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_where(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group()
    _add_model(where)
    where.add_argument(
        "--server", type=_address, metavar="HOST:PORT", help="ask this server instead of loading a model here"
    )


def _add_model(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--model",
        type=Path,
        metavar="DIR",
        help="a model that digit-detector-train wrote (default: the embedded one)",
    )


def _add_annotated(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--annotated",
        type=Path,
        metavar="DIR",
        help="also write each picture there with its digits painted on it",
    )


def _add_min_score(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--min-score",
        type=_score,
        metavar="S",
        help="keep every digit with at least this score, 0 to 1 (default: the model's own rule, see info)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (host and colon and _port(port)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:50051")
    return text


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0 <= score <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a score: a number from 0 to 1")
    return score


def _serve(args: argparse.Namespace) -> int:
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # until the server, once it is imported, handles them itself
        signal.signal(number, lambda *_: os._exit(0))
    from detector.serving.server import serve  # noqa: PLC0415 - see the module's docstring

    return serve(args.host, args.port, args.model)


def _detect(args: argparse.Namespace) -> int:
    from detector import commands  # noqa: PLC0415

    choice = commands.DetectorChoice(args.model, args.server)
    return commands.detect(args.images, choice, args.min_score, args.annotated, args.json)


def _detect_folder(args: argparse.Namespace) -> int:
    from detector import commands  # noqa: PLC0415

    choice = commands.DetectorChoice(args.model, args.server)
    return commands.detect_folder(args.images, choice, args.min_score, args.annotated, args.output)


def _info(args: argparse.Namespace) -> int:
    from detector import commands  # noqa: PLC0415

    return commands.info(commands.DetectorChoice(args.model, args.server))


if __name__ == "__main__":
    sys.exit(main())

"""`digit-detector export`: a model's networks as files for other programs."""

import argparse
import sys
from pathlib import Path

from detector.cli.options import AddParser, add_model, command
from detector.cli.program import OK, one_line_if_broken_off
from detector.results.errors import needing

_FORMATS = ("savedmodel", "onnx", "openvino", "tflite")


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "export",
        "write the networks in a format that other programs run",
        "Writes the model's networks to files that need nothing of this package: fcn, which slides over images "
        "of any size, refiner, which looks at windows of 56x56 px, and gate, which says where the fcn need look. "
        "All take images, (batch, height, width, 3) uint8 RGB, and give score_map, what the bare network says; fcn "
        "and refiner also boxes and class_scores, which is that decoded for every window. Beside ONNX files lies "
        "pipeline.py, one file with all the rest: it finds the same digits with ONNX Runtime, NumPy and OpenCV "
        "alone. For other formats export.json describes all that a program must know. It needs "
        "digit-detector[train]. Exit code: 0 if all was written, 2 for wrong usage or a model that cannot be used, 3 "
        "if writing broke off.",
        """\
  digit-detector export --format onnx --out digits-onnx
  digit-detector export --format tflite --model models/mine --out mine-tflite

formats:
  savedmodel  folders for TensorFlow and TensorFlow Serving
  onnx        .onnx files for ONNX Runtime and others, and pipeline.py; needs digit-detector[onnx]
  openvino    .xml and .bin files for OpenVINO
  tflite      .tflite files for LiteRT (TensorFlow Lite), on telephones and small boards""",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(_FORMATS)}"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder to write")
    add_model(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    return export(args.format, args.out, args.model)


def export(export_format: str, output: Path, model: Path | None) -> int:
    """Write the networks of `model`, or of the embedded one, to `output`; return the exit code."""
    from detector.folders.rows import printable_name  # noqa: PLC0415
    from detector.models.model_files import EMBEDDED  # noqa: PLC0415
    from detector.system.native_notices import without_notices  # noqa: PLC0415

    with without_notices():
        with needing("export", "digit-detector[train]"):
            from detector.export.export_model import export_model  # noqa: PLC0415 - TensorFlow comes in with it
        with one_line_if_broken_off("nothing was written"):
            written = export_model(model or EMBEDDED, export_format, output)
    for name in written:
        print(printable_name(str(output / name)), file=sys.stderr)
    return OK

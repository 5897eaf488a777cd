"""`digit-detector export`."""

import argparse
from pathlib import Path

from detector.arguments.shared import AddParser, add_model, command

_FORMATS = ("savedmodel", "onnx", "openvino", "tflite")


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
    parser = command(
        add_parser,
        "export",
        "write the networks in a format that other programs run",
        "Writes the model's networks to files that need nothing of this package: fcn, which slides over images "
        "of any size, and second_look, which looks at windows of 56x56 px. Both take images, (batch, height, "
        "width, 3) uint8 RGB, and give score_map, what the bare network says, and boxes and class_scores, which "
        "is that decoded for every window. The image pyramid, the second look's windows and the merging of "
        "windows that see the same digit are left to the program; export.json describes all it must know for "
        "that. Exit code: 0 if all was written, 2 for wrong usage or a model that cannot be used, 3 if writing "
        "broke off.",
        """\
  digit-detector export --format onnx --output digits-onnx
  digit-detector export --format tflite --model models/mine --output mine-tflite

formats:
  savedmodel  folders for TensorFlow and TensorFlow Serving
  onnx        .onnx files for ONNX Runtime and many others; needs digit-detector[onnx]
  openvino    .xml and .bin files for OpenVINO; needs digit-detector[openvino]
  tflite      .tflite files for LiteRT (TensorFlow Lite), on telephones and small boards""",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(_FORMATS)}"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder to write")
    add_model(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.commands.export import export  # noqa: PLC0415 - see detector.arguments.shared

    return export(args.format, args.output, args.model)

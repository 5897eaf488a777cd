"""`digit-detector-train quantize`: writes a model's networks in int8."""

import argparse
from pathlib import Path

from training.cli.options import AddParser, add_data, add_label_options, label_options


def add_quantize(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "quantize",
        help="write a model's networks in int8, which run several times as fast",
        description="Writes the networks of --model in int8 beside its weights, with scales from the training images "
        "of --data. Needs digit-detector[quantize]. Compare evaluate's figures with --runtime openvino-int8 and "
        "tensorflow before you use them.",
    )
    command.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model's folder")
    add_data(command)
    add_label_options(command)
    command.set_defaults(run=_quantize)


def _quantize(args: argparse.Namespace) -> int:
    from training.quantization.quantizing import quantize  # noqa: PLC0415 - OpenVINO comes in with it

    quantize(args.model, args.data, label_options(args))
    print(f"model in int8: {args.model}")
    return 0

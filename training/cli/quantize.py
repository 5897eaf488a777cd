"""`digit-detector-train quantize`: what it takes and what it does."""

import argparse
from collections.abc import Callable
from pathlib import Path

from training.cli.label_options import add_label_options, label_options

AddParser = Callable[..., argparse.ArgumentParser]


def add_quantize(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "quantize",
        help="write a model's networks in int8, which run several times as fast",
        description="Writes the networks of --model in int8 beside its weights, with scales from the training images "
        "of --data. Needs digit-detector[quantize]. Compare evaluate's figures with --runtime openvino-int8 and "
        "tensorflow before you use them.",
    )
    command.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model's folder")
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=data_help)
    add_label_options(command)
    command.set_defaults(run=_quantize)


def _quantize(args: argparse.Namespace) -> int:
    from training.quantization.quantizing import quantize  # noqa: PLC0415 - OpenVINO comes in with it

    quantize(args.model, args.data, label_options(args))
    print(f"model in int8: {args.model}")
    return 0

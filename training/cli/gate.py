"""`digit-detector-train gate`: trains a model's gate."""

import argparse
from dataclasses import replace
from pathlib import Path

from detector.cli.options import whole_number
from training.cli.options import AddParser, add_data, add_label_options, add_length, given, label_options
from training.gate.recipe import GATE


def add_gate(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        GATE.name,
        help=GATE.summary,
        description="Trains a gate on the digits of --data, on those that the model finds beside them, and on "
        "rendered scenes, and writes the model with the gate to --out. Without a gate a model reads every window, "
        "which takes several times as long. Killed and started again by the same command, it goes on where it was.",
    )
    command.add_argument(
        "--model", type=Path, metavar="DIR", help="the model that gets the gate (default: the embedded one)"
    )
    add_data(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model is written")
    command.add_argument(
        "--fonts", type=Path, metavar="DIR", help="fonts to render scenes in (default: this machine's)"
    )
    command.add_argument(
        "--rendered",
        type=whole_number(0),
        default=GATE.rendered,
        metavar="N",
        help="learn also from N rendered scenes of numbers and words (default: %(default)s)",
    )
    add_length(command, GATE)
    add_label_options(command)
    command.set_defaults(run=_run, resumes=True)


def _run(args: argparse.Namespace) -> int:
    from detector.models.model_files import EMBEDDED, read_manifest  # noqa: PLC0415
    from training.engine.training_run import is_finished  # noqa: PLC0415 - Keras comes in with it
    from training.gate.train_gate import train_gate  # noqa: PLC0415

    model = read_manifest(args.model or EMBEDDED).sha256
    recipe = replace(GATE, model=model, **given(args, "steps", "seed", "rendered"))
    if not is_finished(args.out, recipe):
        train_gate(recipe, args.model, args.data, args.out, args.fonts, label_options(args))
    print(f"model: {args.out}")
    return 0

"""`digit-detector-train calibrate`: what it takes and what it does."""

import argparse
from collections.abc import Callable
from pathlib import Path

from detector.cli.options import score
from training.cli.label_options import add_label_options, label_options

AddParser = Callable[..., argparse.ArgumentParser]


def add_calibrate(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "calibrate",
        help="choose a model's thresholds and calibrate its scores on validation data",
        description="Chooses the weight of the refiner and the thresholds, fits what scores mean, and writes all "
        "of it into the model's manifest. It looks at the images that trainings keep for validation: of SVHN those of "
        "train that no training learns from, of labels of your own the split val, or where there is none the ones that "
        "a training draws. Test splits are never read. Every --data weighs the same.",
    )
    command.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="the model folder, changed in place"
    )
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help=f"{data_help}; may be given again",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="also draw reliability.png there, and keep there what the networks say of the images, for the next time",
    )
    command.add_argument(
        "--tolerance",
        type=score,
        default=0.005,
        metavar="F",
        help="by how much the score of any --data, the mean of F1 of digits and of numbers, may fall below what it is "
        "with the thresholds that the model has, for the good of the others (default: %(default)s)",
    )
    add_label_options(command)
    command.set_defaults(run=_calibrate)


def _calibrate(arguments: argparse.Namespace) -> int:
    from training.calibration.calibrate import calibrate  # noqa: PLC0415 - TensorFlow comes in with it
    from training.calibration.observations import read_validation_set  # noqa: PLC0415
    from training.engine.plots import write_png  # noqa: PLC0415

    options = label_options(arguments)
    sets = [read_validation_set(folder, options) for folder in arguments.data]
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    report = calibrate(arguments.model, sets, arguments.tolerance, arguments.out)
    print(report)
    if arguments.out:
        write_png(arguments.out / "reliability.png", report.figure())
    print(f"written: {arguments.model / 'manifest.json'}")
    return 0

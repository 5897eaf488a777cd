"""`digit-detector-train calibrate`: chooses thresholds and calibrates scores."""

import argparse
from pathlib import Path

from detector.cli.options import score, whole_number
from training.cli.options import DATA_HELP, AddParser, add_label_options, label_options


def add_calibrate(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "calibrate",
        help="choose a model's thresholds and calibrate its scores on validation data",
        description="Chooses the weight of the refiner and the thresholds, calibrates scores, and writes all "
        "of it into the model's manifest. It reads the images that trainings keep for validation: of SVHN those of "
        "train that no training learns from, of labels of your own the split val, or where there is none the ones that "
        "the model's training drew. Test splits are never read. Every --data weighs the same.",
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
        help=f"{DATA_HELP}; may be given again",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="also draw reliability.png there, and keep the networks' outputs there for the next time",
    )
    command.add_argument(
        "--tolerance",
        type=score,
        default=0.005,
        metavar="F",
        help="by how much the score of any --data, the mean of F1 of digits and of numbers, may fall below that of the "
        "model's present thresholds, for the good of the others (default: %(default)s)",
    )
    command.add_argument(
        "--seed",
        type=whole_number(0),
        metavar="N",
        help="of the training that drew the validation images of a --data without the split val (default: the one "
        "that the model's manifest records)",
    )
    add_label_options(command)
    command.set_defaults(run=_calibrate)


def _calibrate(arguments: argparse.Namespace) -> int:
    from detector.models.model_files import read_manifest  # noqa: PLC0415
    from training.calibration.calibrate import calibrate  # noqa: PLC0415 - TensorFlow comes in with it
    from training.calibration.observations import read_validation_set, recorded_seeds  # noqa: PLC0415
    from training.engine.plots import write_png  # noqa: PLC0415

    options = label_options(arguments)
    recorded = recorded_seeds(read_manifest(arguments.model)).values()
    seeds = recorded if arguments.seed is None else [arguments.seed]
    sets = [read_validation_set(folder, options, seeds) for folder in arguments.data]
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    report = calibrate(arguments.model, sets, arguments.tolerance, arguments.out)
    print(report)
    if arguments.out:
        write_png(arguments.out / "reliability.png", report.figure())
    print(f"written: {arguments.model / 'manifest.json'}")
    return 0

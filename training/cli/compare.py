"""`digit-detector-train compare`: tells whether one model is better than another."""

import argparse
import textwrap
from pathlib import Path

from training.cli.options import AddParser, add_data, add_label_options, add_split_option, label_options
from training.comparison.compare import DECIDING
from training.fine_tuning.start import EMBEDDED_NAME, model_folder

BETTER, NOT_BETTER = 0, 1


def add_compare(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "compare",
        help="say whether one model is better than another",
        description="\n".join(
            textwrap.wrap(
                "Measures each model as evaluate does and prints the figures side by side, with their differences "
                "to the first model and 95% intervals from 2,000 paired bootstrap resamples of the "
                "images. AP and recall by group have no interval. Exit code: 0 if the last model is better than "
                "the first in the figure of --by, its whole interval on the better side of 0; 1 if it is not; 2 "
                "for wrong usage, models or data that cannot be used.",
                80,
            )
        ),
        epilog="examples:\n"
        "  digit-detector-train compare embedded models/mine --data DIR --out differences\n"
        "  digit-detector-train compare models/old models/new --data DIR --by sequence_accuracy && ./release",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help=f"two model folders or more; {EMBEDDED_NAME} is the embedded model",
    )
    add_data(command)
    add_split_option(command)
    command.add_argument(
        "--by",
        default="f1_50",
        choices=tuple(DECIDING),
        metavar="FIGURE",
        help=f"what decides: one of {', '.join(DECIDING)} (default: %(default)s)",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="also write DIR/index.html: the images on which the models differ, with what each found",
    )
    add_label_options(command)
    command.set_defaults(run=lambda args: _compare(command, args))


def _compare(command: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    if len(args.models) < 2:
        command.error("name two models or more: there is nothing to compare one with")
    from detector.pipeline.detector import DigitDetector  # noqa: PLC0415
    from training.comparison.compare import check_measurable, compare, format_comparison, is_better, verdict  # noqa: PLC0415
    from training.comparison.comparison_page import differences, write_comparison_page  # noqa: PLC0415
    from training.evaluation.evaluate import evaluate  # noqa: PLC0415

    detectors = [
        DigitDetector.load(model_folder(name)) for name in args.models
    ]  # before anything is measured: one that cannot be used ends the command at once
    options = label_options(args)
    check_measurable(args.data, args.split, options, args.by)
    evaluations = [evaluate(detector, args.data, args.split, options=options) for detector in detectors]
    rows = compare(evaluations)
    better = is_better(rows, args.by)
    table = format_comparison(args.models, rows)
    decision = verdict(args.models, rows, args.by, better)
    for name, model in zip(args.models, (detector.info() for detector in detectors), strict=True):
        print(f"{name}: {model.name} {model.version}")
    print(f"split: {evaluations[0].split}\n{table}\n{decision}")
    if args.out:
        found = differences(evaluations)
        page = write_comparison_page(args.out, args.models, rows, decision, found)
        print(f"{len(found)} images on which the models differ: {page}")
    return BETTER if better else NOT_BETTER

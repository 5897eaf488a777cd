"""`digit-detector-train align-labels`: labels pictures whose numbers are known."""

import argparse
from pathlib import Path

from training.cli.options import AddParser
from training.fine_tuning.start import EMBEDDED_NAME, model_folder

_SHOWN = 5


def add_align_labels(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "align-labels",
        help="label pictures whose numbers are known: find the boxes of their digits",
        description="Searches each picture for the number that it is known to show, an address say, and writes those "
        "in which all its digits are found to a folder of labelled pictures, which --data of other commands takes; as "
        "svhn/recovered it is learned from beside the official downloads. So digits are found that the detector alone "
        "is not sure of. View some of them before you train: digit-detector-train check --data OUT "
        "--out pictures.",
    )
    command.add_argument("--images", type=Path, required=True, metavar="DIR", help="the pictures")
    command.add_argument(
        "--numbers",
        type=Path,
        required=True,
        metavar="CSV",
        help="a table with the columns image (or file) and number; pictures that DIR/digitStruct.mat has boxes for are "
        "left out",
    )
    command.add_argument(
        "--model",
        default=EMBEDDED_NAME,
        metavar="MODEL",
        help=f"a model folder; '{EMBEDDED_NAME}' is the one that comes with this package (default: %(default)s)",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    command.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.models.runtimes import load_networks  # noqa: PLC0415
    from detector.pipeline.detector import DigitDetector  # noqa: PLC0415
    from training.data.align_labels import align_labels, read_numbers  # noqa: PLC0415

    pictures = read_numbers(args.numbers, args.images)
    networks = load_networks(model_folder(args.model))
    # uncalibrated: chains are judged by the networks' own scores
    detector = DigitDetector(networks.fcn, networks.manifest, refiner=networks.refiner, gate=networks.gate)
    found = align_labels(detector, pictures, args.out)
    for problem in found.unreadable[:_SHOWN]:
        print(f"left out: {problem}")
    print(
        f"{len(pictures):,} pictures: {found.labelled:,} labelled, {len(found.unsure):,} in which the number was not "
        f"found, {len(found.unreadable):,} that cannot be read\nlabels: {args.out}"
    )
    return 0

"""Puts a model together from the networks of others; the mean of several where several are named.

Such as: python scripts/assemble_model.py --fcn models/new --refiner models/new detector/weights --out models/mean
"""

import argparse
import sys
from pathlib import Path

from detector.results.errors import DetectorError
from training.errors import TrainingError
from training.fine_tuning.weight_averaging import average_models


def main() -> None:
    """Parse the command line and write the model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fcn", type=Path, nargs="+", required=True, metavar="DIR", help="model folders")
    parser.add_argument("--refiner", type=Path, nargs="*", default=[], metavar="DIR", help="model folders")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model is written")
    args = parser.parse_args()
    try:
        average_models(args.fcn, args.refiner, args.out)
    except (DetectorError, TrainingError) as error:
        sys.exit(f"assemble_model: {error}")


if __name__ == "__main__":
    main()

"""Writes into a model's manifest what it finds in the built-in image; a server checks that before it is ready.

Training does this by itself. It is for models of older manifests: python scripts/record_self_check.py DIR
"""

import argparse
import sys
from pathlib import Path

from detector.pipeline.loading import record_self_check
from detector.results.errors import DetectorError


def main() -> None:
    """Record the self check of one model."""
    parser = argparse.ArgumentParser(description="Records what a model finds in the built-in image.")
    parser.add_argument(
        "model", type=Path, metavar="DIR", help="the model's folder, such as detector/weights"
    )
    try:
        record_self_check(parser.parse_args().model)
    except DetectorError as error:
        sys.exit(f"record_self_check: {error}")


if __name__ == "__main__":
    main()

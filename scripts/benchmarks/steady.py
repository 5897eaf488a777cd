"""Detects the images of a folder in this process, with one thread, and prints when each was done, as JSON.

One of the plain processes that workers of a cluster are compared with. It says that it is ready, and begins when its
standard input ends, so that several run side by side.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

from detector.pipeline.detector import DigitDetector
from detector.results.errors import DetectorError


def main() -> int:
    """Run the program; return its exit code, 1 if an image could not be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, metavar="DIR")
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    detector, done = DigitDetector.load(args.model), list[float]()
    print("ready", flush=True)
    sys.stdin.read()
    for _, found in detector.detect_many(sorted(args.images.iterdir())):
        if isinstance(found, DetectorError):
            return 1
        done.append(time.time())
    json.dump(done, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`digit-detector-train evaluate` from a checkout."""

import sys

from training.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))

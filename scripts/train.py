"""`digit-detector-train` from a checkout: `python scripts/train.py svhn-fcn --data DIR --out DIR`."""

import sys

from training.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

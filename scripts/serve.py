"""`digit-detector serve` from a checkout."""

import sys

from detector.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))

"""`digit-detector detect-folder` from a checkout."""

import sys

from detector.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["detect-folder", *sys.argv[1:]]))

"""Makes labelled pictures of another look than SVHN's, to try fine-tuning on: digits cut out, pasted in rows.

DATA holds `backgrounds/{train,test}` (photographs) and `other_digits/{train,test}/0` .. `9` (squares that one digit
fills); each split of OUT, a YOLO folder, is made of that split's alone.
"""

import argparse
from pathlib import Path

from training.data.pasted_numbers import write_pasted_numbers


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--train", type=int, default=50, help="pictures to learn from (default: %(default)s)")
    parser.add_argument("--test", type=int, default=100, help="pictures to measure on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: %(default)s)")
    args = parser.parse_args()
    write_pasted_numbers(args.data, args.out, {"train": args.train, "test": args.test}, args.seed)


if __name__ == "__main__":
    main()

"""`digit-detector-train`: parses the command line and makes one call for it.

Keras comes in with the command that needs it, so that help is quick.
"""

import argparse
import sys
from collections.abc import Sequence

from detector.cli.options import prepare_libraries
from detector.cli.program import HintingParser, add_version, complain, run_command
from detector.results.errors import DetectorError, needing
from training.cli.align_labels import add_align_labels
from training.cli.calibrate import add_calibrate
from training.cli.check import add_check
from training.cli.classifiers import add_recipe_commands
from training.cli.compare import add_compare
from training.cli.evaluate import add_evaluate
from training.cli.gate import add_gate
from training.cli.quantize import add_quantize
from training.cli.refiner import add_refiner
from training.cli.render import add_fonts, add_render
from training.cli.svhn_fcn import add_svhn_fcn
from training.cli.teacher import add_teacher
from training.errors import TrainingError
from training.fcn.recipes import SVHN_FCN


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 for wrong usage or data, 130 when interrupted."""
    return run_command(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    args = parser().parse_args(argv)
    prepare_libraries(args)
    try:
        with needing("this command", "digit-detector[train]"):
            code: int = args.run(args)
    except (TrainingError, DetectorError) as error:
        complain(str(error), "digit-detector-train")
        return 2
    except KeyboardInterrupt:
        way_out = "; the same command goes on from the last checkpoint" if args.resumes else ""
        complain(f"interrupted{way_out}", "digit-detector-train")
        return 130
    return code


def parser() -> argparse.ArgumentParser:
    """Return the whole command line; `run` of what it parses is the command's function."""
    root = HintingParser(
        prog="digit-detector-train",
        description="Trains and measures the house-number detector, and the classifiers it is compared with.",
        epilog="digit-detector-train COMMAND --help explains a command.",
    )
    add_version(root)
    root.set_defaults(resumes=False)
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_svhn_fcn(commands.add_parser)
    add_refiner(commands.add_parser)
    add_gate(commands.add_parser)
    add_quantize(commands.add_parser)
    add_teacher(commands.add_parser)
    add_evaluate(commands.add_parser)
    add_calibrate(commands.add_parser)
    add_check(commands.add_parser)
    add_align_labels(commands.add_parser)
    add_fonts(commands.add_parser)
    add_render(commands.add_parser)
    add_compare(commands.add_parser)
    add_recipe_commands(commands.add_parser, SVHN_FCN)
    return root


if __name__ == "__main__":
    sys.exit(main())

"""The command line `digit-detector-train`: one module for each command, the classifiers' together."""

from detector.cli.program import complain
from detector.results.errors import MissingLibraryError, needing


def run_program() -> int:
    """Run `digit-detector-train`; return its exit code, 2 where the libraries of training are not installed."""
    try:
        with needing("training", "digit-detector[train]"):
            from training.cli.main import main  # noqa: PLC0415 - it imports them
    except MissingLibraryError as error:
        complain(str(error), "digit-detector-train")
        return 2
    return main()

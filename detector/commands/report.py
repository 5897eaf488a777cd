"""`digit-detector report`: results as a gallery for the browser."""

import sys
from pathlib import Path

from detector.commands.choice import one_line_if_broken_off
from detector.console import OK
from detector.folders.report import write_report
from detector.folders.results import ResultsFile
from detector.folders.rows import printable_name


def report(results: Path, images: Path, out: Path) -> int:
    """Writes the gallery to the folder `out` and says how to look at it; returns the exit code."""
    with one_line_if_broken_off("the report is not whole"):
        done = write_report(ResultsFile(results), images, out)
    missing = f" ({done.missing} are not in {images}: --images names their folder)" if done.missing else ""
    print(f"{done.images} images{printable_name(missing)}: {printable_name(str(done.page))}", file=sys.stderr)
    return OK

"""`digit-detector convert`: results in another program's format."""

import sys
from pathlib import Path

from detector.commands.choice import one_line_if_broken_off
from detector.console import OK
from detector.folders.formats import convert as convert_results
from detector.folders.results import ResultsFile
from detector.folders.rows import printable_name


def convert(results: Path, target_format: str, out: Path) -> int:
    """Writes the results to `out` in one of the formats; returns the exit code."""
    with one_line_if_broken_off("nothing was written"):
        done = convert_results(ResultsFile(results), target_format, out)
    left_out = f" ({done.left_out} that were not read are left out)" if done.left_out else ""
    print(f"{done.images} images{left_out}: {printable_name(str(out))}", file=sys.stderr)
    return OK

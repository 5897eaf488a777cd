"""`digit-detector export`: a model's networks as files for other programs."""

import sys
from pathlib import Path

from detector.commands.choice import one_line_if_broken_off
from detector.console import OK
from detector.export import export_model
from detector.folders.rows import printable_name
from detector.model_files import EMBEDDED


def export(export_format: str, output: Path, model: Path | None) -> int:
    """Writes the networks of `model`, or of the embedded one, to `output`; returns the exit code."""
    with one_line_if_broken_off("nothing was written"):
        written = export_model(model or EMBEDDED, export_format, output)
    for name in written:
        print(printable_name(str(output / name)), file=sys.stderr)
    return OK

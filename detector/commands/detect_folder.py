"""`digit-detector detect-folder`: one row for each image below a folder."""

import sys
from pathlib import Path

from detector import folders
from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.console import OK, SOME_FAILED
from detector.folders.output import part_path
from detector.folders.plan import FolderJob, plan_folder
from detector.folders.rows import printable_name
from detector.interface import DetectOptions


def detect_folder(
    images: Path, choice: DetectorChoice, min_score: float | None, annotated: Path | None, output: Path
) -> int:
    """Writes one line of JSON for each image below a folder; returns the exit code."""
    plan = plan_folder(FolderJob(images, output, annotated, DetectOptions(score_threshold=min_score)))
    rows_so_far = f"the lines so far are in {part_path(plan.job.output)}"
    with choice.open() as detector, one_line_if_broken_off(rows_so_far):
        summary = folders.detect_folder(plan, detector)
    print(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, "
        f"{summary.numbers} numbers: {printable_name(str(output))}",
        file=sys.stderr,
    )
    return SOME_FAILED if summary.errors else OK

"""`digit-detector detect-folder`: one row for each image below a folder."""

import sys

from detector import folders
from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.console import INTERRUPTED, OK, SOME_FAILED, complain
from detector.folders.plan import FolderJob, plan_folder
from detector.folders.rows import printable_name


def detect_folder(job: FolderJob, choice: DetectorChoice) -> int:
    """Writes one line of JSON for each image below a folder; returns the exit code."""
    plan = plan_folder(job)
    rows_so_far = f"the rows so far are in {plan.job.output}, --resume goes on"
    try:
        with choice.open() as detector, one_line_if_broken_off(rows_so_far):
            summary = folders.detect_folder(plan, detector)
    except KeyboardInterrupt:
        complain(f"stopped: {rows_so_far}")
        return INTERRUPTED
    print(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, "
        f"{summary.numbers} numbers: {printable_name(str(job.output))}",
        file=sys.stderr,
    )
    return SOME_FAILED if summary.errors else OK

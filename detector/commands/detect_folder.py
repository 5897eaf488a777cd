"""`digit-detector detect-folder`: one row for each image below a folder."""

from pathlib import Path

from detector import folders
from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.commands.folder_job import exit_code, interrupted_by_sigterm, say, say_account, say_videos
from detector.console import OK, SOME_FAILED, complain
from detector.folders.plan import FolderJob, plan_folder
from detector.folders.report import PAGE
from detector.folders.rows import printable_name


def detect_folder(job: FolderJob, choice: DetectorChoice) -> int:
    """Writes one line of JSON for each image below a folder; returns the exit code."""
    plan = plan_folder(job)
    say_videos(len(plan.videos), next(iter(plan.videos), ""))
    rows_so_far = f"the rows so far are in {plan.job.output}, --resume goes on"
    try:
        with interrupted_by_sigterm(), choice.open() as detector, one_line_if_broken_off(rows_so_far):
            summary = folders.detect_folder(plan, detector)
    except KeyboardInterrupt as interrupt:
        complain(f"stopped: {rows_so_far}" if _has_rows(plan.job.output) else "stopped before the first row")
        return exit_code(interrupt)
    say_account(summary, str(job.output))
    if job.report is not None:
        say(f"to look at them, open {printable_name(str(job.report / PAGE))}")
    return SOME_FAILED if summary.errors else OK


def _has_rows(output: Path) -> bool:
    return output.exists() and output.stat().st_size > 0

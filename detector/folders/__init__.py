"""Many image files in, one row per image out: planning, listing, reading ahead, detecting, writing."""

from detector.folders.job import detect_folder
from detector.folders.plan import FolderJob, FolderPlan, plan_folder
from detector.folders.progress import FolderSummary

__all__ = ["FolderJob", "FolderPlan", "FolderSummary", "detect_folder", "plan_folder"]

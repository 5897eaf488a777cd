"""Exceptions that training raises on purpose; messages name the file and the way out.

TrainingError
├── DataError            data missing, damaged or not in its official format
└── ResumeError          an output folder holds a run that this command cannot continue
"""


class TrainingError(Exception):
    """The base of this package's errors."""


class DataError(TrainingError):
    """A data file is missing, damaged or not what its format says."""


class ResumeError(TrainingError):
    """The output folder belongs to another run."""

"""What the rows of a folder job depend on, so that a run that goes on makes the rows of one that was never ended."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from detector.folders.plan import FolderJob
from detector.folders.rows import text_of_name
from detector.interface import ModelInfo


def settings_of(job: FolderJob, model: ModelInfo) -> dict[str, Any]:
    """The settings that are kept beside the output, under the names by which a refusal calls them.

    Whether a model or a server that has the same model detects makes no difference. Nor do the limit and watching:
    they say how far to go.
    """
    return {
        "images": text_of_name(str(job.images.resolve()))
        if isinstance(job.images, Path)
        else "a list of paths",
        "include": list(job.selection.include),
        "exclude": list(job.selection.exclude),
        "shuffle seed": job.selection.shuffle_seed,
        "model": f"{model.name} {model.version} (sha256 {model.sha256})",
        "digit-detector": version("digit-detector"),
        "options": {name: value for name, value in asdict(job.options).items() if value is not None},
        "annotated": None if job.annotated is None else text_of_name(str(job.annotated.resolve())),
    }

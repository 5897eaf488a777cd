"""What the rows of a folder job depend on, so that a run that goes on makes the rows of one that was never ended."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from detector.folders.kept_settings import Settings
from detector.folders.plan import FolderJob
from detector.folders.rows import text_of_name
from detector.folders.selection import Selection
from detector.interface import DetectOptions, ModelInfo
from detector.model_files import Manifest


def settings_of(job: FolderJob, model: ModelInfo) -> Settings:
    """The settings that are kept beside the output, under the names by which a refusal calls them.

    Whether a model or a server that has the same model detects makes no difference. Nor do the limit and watching:
    they say how far to go.
    """
    return {
        "images": text_of_name(str(job.images.resolve()))
        if isinstance(job.images, Path)
        else "a list of paths",
        **made_with(job.selection, job.options, model),
        "annotated": None if job.annotated is None else text_of_name(str(job.annotated.resolve())),
    }


def made_with(selection: Selection, options: DetectOptions, model: ModelInfo | Manifest) -> Settings:
    """The settings of every kind of folder job: which images are wanted, and what looks at them."""
    return {
        "include": list(selection.include),
        "exclude": list(selection.exclude),
        "shuffle seed": selection.shuffle_seed,
        "model": f"{model.name} {model.version} (sha256 {model.sha256})",
        "digit-detector": version("digit-detector"),
        "options": {name: value for name, value in asdict(options).items() if value is not None},
    }

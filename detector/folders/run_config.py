"""The settings that are kept with an output: all that its rows depend on.

So a run that goes on makes the rows of one that was never ended, and rows of different settings are never mixed.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from detector import __version__
from detector.folders.location.options import LocationOptions
from detector.folders.sources import Selection
from detector.models.model_files import Manifest
from detector.results.errors import InvalidOptionError
from detector.results.interface import DetectOptions, ModelInfo

Settings = dict[str, Any]
"""What rows depend on, as JSON has it."""


def encode_settings(settings: Settings) -> bytes:
    """The settings as a file has them."""
    return (json.dumps(settings, indent=2) + "\n").encode("ascii")


def check_same_settings(
    output: str, kept_at: str, read_kept: Callable[[], bytes], settings: Settings
) -> None:
    """Looks whether rows that are there were made with these settings.

    Args:
        output: where the rows are, for messages.
        kept_at: where their settings are, for messages.
        read_kept: reads those.
        settings: what the rows to come depend on.

    Raises:
        InvalidOptionError: if they were made with others, or it is not known with which.
    """
    try:
        earlier = json.loads(read_kept())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidOptionError(
            "output",
            f"what the rows of {output} were made with cannot be read from {kept_at}: start again with --overwrite, "
            "or name another output",
        ) from error
    wanted = json.loads(json.dumps(settings))
    earlier = earlier if isinstance(earlier, dict) else {}
    changed = [name for name in {**earlier, **wanted} if earlier.get(name) != wanted.get(name)]
    if changed:
        differences = "; ".join(f"{name} was {earlier.get(name)}, is {wanted.get(name)}" for name in changed)
        raise InvalidOptionError(
            "output",
            f"{output} was begun with other settings ({differences}): use those again, start again with --overwrite, "
            "or name another output",
        )


def made_with(
    selection: Selection, options: DetectOptions, location: LocationOptions, model: ModelInfo | Manifest
) -> Settings:
    """The settings of every kind of folder job: which images are wanted, and what looks at them."""
    return {
        "include": list(selection.include),
        "exclude": list(selection.exclude),
        "shuffle seed": selection.shuffle_seed,
        "model": f"{model.name} {model.version} (sha256 {model.sha256})",
        "digit-detector": __version__,
        "options": {name: value for name, value in asdict(options).items() if value is not None},
        "location": location.to_settings(),
    }

"""The settings that the rows of a job depend on: kept beside them, so that rows of others are never mixed in."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detector import __version__
from detector.folders.listing import Selection
from detector.folders.location import LocationOptions
from detector.models.model_files import Manifest
from detector.results.errors import InvalidOptionError
from detector.results.interface import DetectOptions, ModelInfo

_RELEASE = "digit-detector"
"""The setting that is the version of this program."""

Settings = dict[str, Any]
"""All that rows depend on, as JSON has it."""

_WORDS = {
    "images": "IMAGES",
    "include": "--include",
    "exclude": "--exclude",
    "shuffle seed": "the seed of --shuffle",
    "every": "--every",
    "annotated": "--annotated",
    "limit": "--limit",
    "format": "--format",
    "images in a shard": "--shard-images",
    "score_threshold": "--min-score",
    "exhaustive": "--exhaustive",
    "timezone": "--timezone",
    "gpx": "SHA-256 of --gpx",
    "offset_s": "seconds of --offset",
    "strip": "--strip-location",
}
"""The options that the settings come from, where there are any."""


def encode_settings(settings: Settings) -> bytes:
    """Return the settings as a file has them."""
    return (json.dumps(settings, indent=2) + "\n").encode("ascii")


def settings_path(output: Path) -> Path:
    """Where the settings of an output are."""
    return output.with_name(output.name + ".settings.json")


def made_with(
    selection: Selection, options: DetectOptions, location: LocationOptions, model: ModelInfo | Manifest
) -> Settings:
    """Return the settings of every kind of folder job: which images are wanted, and what looks at them."""
    return {
        "include": list(selection.include),
        "exclude": list(selection.exclude),
        "shuffle seed": selection.shuffle_seed,
        "model": f"{model.name} {model.version} (sha256 {model.sha256})",
        _RELEASE: __version__,
        "options": {name: value for name, value in asdict(options).items() if value is not None},
        "location": location.to_settings(),
    }


def check_same_settings(
    output: str, kept_at: str, read_kept: Callable[[], bytes], settings: Settings
) -> None:
    """Look whether rows that are there were made with these settings.

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
        differences = "; ".join(
            difference
            for name in changed
            for difference in _differences(name, earlier.get(name), wanted.get(name))
        )
        again = "go on with that release" if _RELEASE in changed else "use those again"
        raise InvalidOptionError(
            "output",
            f"{output} was begun with other settings ({differences}): {again}, start again with --overwrite, "
            "or name another output",
        )


def _differences(name: str, earlier: Any, wanted: Any) -> Iterator[str]:
    """Yield in words how a setting differs; of one that has settings in it, how each of them does."""
    if isinstance(earlier, dict) and isinstance(wanted, dict):
        for inner in {**earlier, **wanted}:
            if earlier.get(inner) != wanted.get(inner):
                yield from _differences(inner, earlier.get(inner), wanted.get(inner))
    elif isinstance(earlier, dict) or isinstance(wanted, dict):
        yield f"{name} was {_kept(earlier)}, is {_kept(wanted)}"
    else:
        yield f"{_WORDS.get(name, name)} was {_in_words(earlier)}, is {_in_words(wanted)}"


def _kept(settings: Any) -> str:
    return "kept" if isinstance(settings, dict) else "not kept"


def _in_words(value: Any) -> str:
    if value is None or value is False or value == []:
        return "not given"
    if value is True:
        return "given"
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)

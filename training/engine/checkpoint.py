"""The state of a training run in one file, replaced whole: a run killed at any moment continues from the last one."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from detector.system.files import write_whole
from training.errors import ResumeError

_SHOWN_CHANGES = 5

_FORMER_NAMES = {
    "looks": "windows",
    "images": "batch",
    "photo_surroundings": "photo_background",
    "mixed": "mixup_fraction",
    "most": "mixup_weight",
    "covered": "erasing_fraction",
}
"""Settings that had another name up to version 0.2."""

_FORMER_FIGURES = {
    "number_accuracy": "sequence_accuracy",
    "old_number_accuracy": "old_sequence_accuracy",
}
"""Figures of validation that had another name up to version 0.2."""

Arrays = list[NDArray[Any]]


@dataclass
class RunState:
    """The state from which a run is resumed.

    Attributes:
        step: batches done.
        groups: arrays by what they are ("weights", "optimizer", ...), in the order of their owner.
        history: a row of figures for each validation so far.
        seconds: time spent so far, all starts of the run together.
    """

    step: int
    groups: dict[str, Arrays]
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def fingerprint(recipe: Any) -> str:
    """Return a hash of a recipe (a dataclass): two runs continue each other only if it is the same."""
    return hashlib.sha256(_settings(recipe).encode()).hexdigest()


def save_state(path: Path, state: RunState, recipe: Any) -> None:
    """Write the state beside `path` and rename it, so that a torn file never replaces a whole one."""
    arrays = {
        f"{name}/{i:04d}": np.array(a, order="C")
        for name, group in state.groups.items()
        for i, a in enumerate(group)
    }
    metadata = {
        "step": str(state.step),
        "recipe": fingerprint(recipe),
        "settings": _settings(recipe),
        "history": json.dumps(state.history),
        "seconds": repr(state.seconds),
    }
    write_whole(path, save(arrays, metadata))


def load_state(path: Path, recipe: Any) -> RunState | None:
    """Return the state at `path`, or None where there is none yet.

    A run of an earlier version is resumed if all settings that it had are as they were.

    Raises:
        ResumeError: if it is damaged, or a run of another recipe wrote it.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata()
            groups: dict[str, Arrays] = {}
            for key in sorted(file.keys()):
                groups.setdefault(key.split("/")[0], []).append(file.get_tensor(key))
            history = [_with_present_names(row) for row in json.loads(metadata["history"])]
            state = RunState(int(metadata["step"]), groups, history, float(metadata["seconds"]))
            same = metadata["recipe"] == fingerprint(recipe)
    except KeyError as error:
        raise ResumeError(f"{path}: damaged (no {error} in it); delete it to start afresh") from error
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError) as error:
        raise ResumeError(f"{path}: damaged ({error}); delete it to start afresh") from error
    settings = metadata.get("settings", "{}")
    if not same and not _has_all(recipe, settings):
        raise ResumeError(
            f"{path}: written by a run with other settings{_changes(settings, recipe)}; repeat "
            "its command, or choose another --out"
        )
    return state


def _with_present_names(row: dict[str, float]) -> dict[str, float]:
    return {_FORMER_FIGURES.get(name, name): value for name, value in row.items()}


def _settings(recipe: Any) -> str:
    return json.dumps(asdict(recipe), sort_keys=True, default=str)


def _has_all(recipe: Any, written: str) -> bool:
    """Return whether a recipe has all settings that a run has written, and some were written."""
    before, now = _named(written), _named(_settings(recipe))
    return bool(before) and before.items() <= now.items()


def _changes(written: str, recipe: Any) -> str:
    """Return the settings that are others than those of the run, in brackets; empty if nothing is known of them."""
    before, now = _named(written), _named(_settings(recipe))
    changed = [
        f"{name} was {before[name]}, is {now[name]}"
        for name in before.keys() & now.keys()
        if now[name] != before[name]
    ]
    return f" ({'; '.join(sorted(changed)[:_SHOWN_CHANGES])})" if changed else ""


def _named(settings: str) -> dict[str, Any]:
    """Return nested settings by their dotted names; none if they cannot be read."""
    try:
        return _flat(json.loads(settings))
    except (ValueError, RecursionError):
        return {}


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(settings, dict):
        return {prefix.removesuffix("."): settings}
    return {
        name: value
        for key, inner in settings.items()
        for name, value in _flat(inner, f"{prefix}{_FORMER_NAMES.get(key, key)}.").items()
    }

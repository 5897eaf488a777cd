"""The origin of a gallery's results: which model found them, when, and at which scores."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.folders.run_settings import settings_path
from detector.models.model_files import EMBEDDED, read_manifest


@dataclass(frozen=True)
class Provenance:
    """How the rows of a results file came about, as far as it is known.

    Attributes:
        made_on: the day on which the file was last written, UTC, as 2026-11-27.
        min_score: the score that digits had to have; None for the model's own rule, or if it is not known.
        rule_is_known: whether the settings of the run lie beside the rows.
    """

    made_on: str
    min_score: float | None
    rule_is_known: bool

    @classmethod
    def of_file(cls, results: Path) -> "Provenance":
        """Return what the results file, and the settings that detect-folder keeps beside it, tell.

        Raises:
            OSError: if the results file is not there.
        """
        made_on = datetime.fromtimestamp(results.stat().st_mtime, UTC).date().isoformat()
        options = _kept_options(settings_path(results))
        return cls(made_on, _score_in(options or {}), options is not None)

    def to_json(self, models: Iterable[str]) -> dict[str, Any]:
        """Return what the page's scripts read.

        Args:
            models: names and versions of those that the rows name, in their order.
        """
        names = list(models)
        return {
            "models": names,
            "made_on": self.made_on,
            "min_score": self.min_score,
            "rule_is_known": self.rule_is_known,
            "calibrated": {name.partition("+")[0] for name in names} == {_calibrated_model()},
        }


def _kept_options(path: Path) -> dict[str, Any] | None:
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    options = settings.get("options") if isinstance(settings, dict) else None
    return options if isinstance(options, dict) else None


def _score_in(options: dict[str, Any]) -> float | None:
    score = options.get("score_threshold")
    return float(score) if isinstance(score, int | float) and 0 <= score <= 1 else None


def _calibrated_model() -> str | None:
    """Name the built-in model if its scores are probabilities; of others a row does not tell.

    Rows name after a plus sign what computed the model.
    """
    manifest = read_manifest(EMBEDDED)
    return f"{manifest.name} {manifest.version}" if manifest.operating_point.is_calibrated else None

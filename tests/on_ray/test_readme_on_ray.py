"""The README's folder job on a Ray of its own, run by a shell as it is written there."""

import json
import shutil
from pathlib import Path

import pytest

from tests.test_readme import section
from tests.test_readme_serving import programs, shell  # noqa: F401 - programs is a fixture

pytestmark = pytest.mark.ray


def test_a_folder_on_a_ray_of_its_own(
    checkout: Path,
    tmp_path: Path,
    programs: dict[str, str],  # noqa: F811
) -> None:
    shown = section(checkout, "A folder on many machines").partition("```sh\n")[2].partition("```")[0]
    assert "--engine ray" in shown
    assert "report digits.jsonl" in shown
    shutil.copytree(checkout / "tests" / "data", tmp_path / "photos", ignore=shutil.ignore_patterns("*.md"))
    shell(shown, tmp_path, programs | {"RAY_AUTH_MODE": "disabled"})
    rows = [json.loads(line) for line in (tmp_path / "digits.jsonl").read_text().splitlines()]
    assert sorted(number["text"] for row in rows for number in row["numbers"]) == ["101", "31", "33", "68"]
    assert (tmp_path / "gallery" / "index.html").exists()

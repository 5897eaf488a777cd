"""The glossary's words in names, docstrings, help, messages and documents: what is called otherwise now is gone."""

import re
from pathlib import Path

import pytest

FORMER_WORDS = {
    r"second[_ ]?looks?": "refiner",
    r"looks? again|looked at again|look_again|both looks|lookmaker": "refine",
    r"line_evidence|believed?\b": "hysteresis, accepted",
    r"merge_candidates": "fusion",
    r"work_ahead|ahead-": "prefetch",
    r"heightened": "scale_heights",
    r"frozennetwork": "backend",
    r"workbench": "InferenceQueue",
    r"\banswering\b": "service",
    r"\borders\b|heed": "ServerControl",
    r"\bmalformed": "invalid request",
    r"\bopen_calls": "concurrency limit",
    r"patiently|\bpatient\b": "retry, wait",
    r"kept_settings|look_into_output": "run_config, inspect_output",
    r"\b_?refuse_": "check_",
    r"patchmaker|digitdraw": "PatchSampler, IndexSampler",
    r"disturbance|hard_pictures": "augmentation",
    r"\bpupil|\btaught\b|\bteaching\b": "student, distillation",
    r"rise_and_fall": "warmup_cosine",
    r"start_alike|leader_first": "broadcast_variables, chief_first",
    r"\bassembling\b": "weight averaging",
    r"known_numbers|--recover\b": "weak labels, align-labels",
    r"thorough\b|old-data|--frozen\b|closed-health": "--preset long, --replay-data, --freeze, --health-auth",
    r"crop_part|anywhere_part": "fraction",
    r"number accuracy": "sequence accuracy",
    r"max_detection_count|stage_times": "max_detections, stage_seconds",
    r"full house|hinders|by heart|shines through": "overloaded, prevented, overfit, mixup",
    r"what it tells|how it grows": "observability, autoscaling",
    r"thresholds?\.(seed|linked|lone)\b": "high, low, isolated",
}
"""What earlier versions said, as regular expressions, and the field's word for it."""

READERS_OF_FORMER_FILES = {
    "detector/models/model_files.py": r"second_look",
}
"""The code that reads what earlier versions wrote names it as they did."""

CHECKED = ("detector", "training", "scripts", "protos", "docs", "deploy", "README.md", "CONTRIBUTING.md")
SUFFIXES = {".py", ".js", ".html", ".proto", ".md", ".yaml", ".yml", ".conf"}


def files(checkout: Path) -> list[Path]:
    found = [
        path
        for name in CHECKED
        for path in ((checkout / name).rglob("*") if "." not in name else [checkout / name])
    ]
    return sorted(path for path in found if path.suffix in SUFFIXES and "v1" not in path.parts[:-1])


def test_docstrings_are_imperatives_or_noun_phrases(checkout: Path) -> None:
    translated = re.compile(r'"""(What|Whether)\b')
    assert not [
        path for path in (checkout / "detector").rglob("*.py") if translated.search(path.read_text("utf-8"))
    ]


@pytest.mark.parametrize("word", FORMER_WORDS)
def test_no_former_word_is_left(word: str, checkout: Path) -> None:
    former = re.compile(word, re.IGNORECASE | re.MULTILINE)
    left = []
    for path in files(checkout):
        name = path.relative_to(checkout).as_posix()
        text = path.read_text(encoding="utf-8")
        if name in READERS_OF_FORMER_FILES:
            text = re.sub(READERS_OF_FORMER_FILES[name], "", text)
        left += [
            f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
            for match in former.finditer(text)
        ]
    assert left == [], f"say {FORMER_WORDS[word]}"


def test_the_search_finds_words(checkout: Path) -> None:
    names = {path.relative_to(checkout).as_posix() for path in files(checkout)}
    assert {"detector/cli/main.py", "training/cli/main.py", "docs/serving.md", "README.md"} <= names
    assert re.search(r"\bmalformed", "a malformed request", re.IGNORECASE)

"""JSON that does not fit a dataclass: the field is named."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from detector.system.json_records import read_record, to_json


@dataclass(frozen=True)
class Settings:
    name: str
    count: int = 1
    share: float | None = None
    parts: Sequence[float] = ()
    more: dict[str, Any] = field(default_factory=dict)


def test_what_fits_is_read() -> None:
    written = {"name": "a", "count": 2, "share": 1, "parts": [1.5], "more": {"x": []}}
    assert read_record(Settings, json.dumps(written).encode()) == Settings("a", 2, 1, [1.5], {"x": []})
    assert read_record(Settings, b'{"name": "a", "share": null}') == Settings("a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "the field 'name' is missing"),
        ('{"name": "a", "code": 1}', "the field 'code' is not known to this version"),
        ('{"name": 1}', "the field 'name' has to be text"),
        ('{"name": "a", "count": 1.5}', "the field 'count' has to be a whole number"),
        ('{"name": "a", "count": true}', "the field 'count' has to be a whole number"),
        ('{"name": "a", "share": "1"}', "the field 'share' has to be a number or null"),
        ('{"name": "a", "parts": {}}', "the field 'parts' has to be a list"),
        ('{"name": "a", "more": null}', "the field 'more' has to be an object"),
        (
            '{"count": "x", "code": 1}',
            "the field 'name' is missing, the field 'count' has to be a whole number, the",
        ),
        ("[]", "it is no JSON object"),
        ("null", "it is no JSON object"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"name": ', "Expecting value"),
    ],
)
def test_what_does_not_fit_is_named(content: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_record(Settings, content.encode())


@dataclass(frozen=True)
class Inner:
    new: int = field(default=0, metadata={"key": "old"})


@dataclass(frozen=True)
class Outer:
    inner: Inner
    plain: tuple[float, ...] = ()


def test_files_may_call_fields_otherwise_than_the_code() -> None:
    record = Outer(Inner(5), (1.0, 2.0))
    written = to_json(record)
    assert written == {"inner": {"old": 5}, "plain": (1.0, 2.0)}
    assert read_record(Outer, json.dumps(written).encode()) == record
    assert read_record(Outer, b'{"inner": {"new": 5}, "plain": [1, 2]}') == record
    with pytest.raises(ValueError, match=r"the field 'inner.older' is not known"):
        read_record(Outer, b'{"inner": {"older": 5}}')

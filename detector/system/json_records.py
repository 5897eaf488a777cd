"""Dataclasses as JSON objects, and read from them; what does not fit is named by its field."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    tuple: "a list of numbers",
    NoneType: "null",
}
_SHOWN = 5

Record = TypeVar("Record")


def to_json(record: Any) -> dict[str, Any]:
    """Return a dataclass of texts, numbers, objects, lists, tuples, and such dataclasses as a JSON object."""
    values = ((_key(field), getattr(record, field.name)) for field in fields(record))
    return {key: to_json(value) if is_dataclass(value) else value for key, value in values}


def read_record(kind: type[Record], content: bytes) -> Record:
    """Read a JSON object onto a dataclass of texts, numbers, objects, lists, tuples of numbers, and such dataclasses.

    Raises:
        ValueError: if it is no JSON object, or naming the fields that are missing, unknown, or of another type.
    """
    try:
        known = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(known, dict):
        raise ValueError("it is no JSON object")
    known = _by_name(kind, known)
    if faults := _faults(kind, known):
        raise ValueError(", ".join(faults[:_SHOWN]))
    return _built(kind, known)


def _key(field: Field[Any]) -> str:
    """Return what files call a field: the "key" in its metadata, or else its name."""
    return str(field.metadata.get("key", field.name))


def _by_name(kind: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the fields' names for keys, whether it had these or those of files."""
    names = {_key(field): field.name for field in fields(kind)}
    hints = get_type_hints(kind)
    values = {names.get(key, key): value for key, value in known.items()}
    return {
        name: _by_name(hints[name], value)
        if is_dataclass(hints.get(name)) and isinstance(value, dict)
        else value
        for name, value in values.items()
    }


def _built(kind: type[Record], known: Mapping[str, Any]) -> Record:
    """Return the record of an object without faults; what it checks itself it still refuses."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value) for name, value in known.items()})


def _value(hint: Any, value: Any) -> Any:
    if is_dataclass(hint):
        return _built(hint, value)  # type: ignore[arg-type] # a hint is a class, not an instance
    return tuple(value) if get_origin(hint) is tuple else value


def _faults(kind: Any, known: Mapping[str, Any], within: str = "") -> list[str]:
    hints = get_type_hints(kind)
    faults = [
        f"the field {within + field.name!r} is missing"
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING and field.name not in known
    ]
    for name, value in known.items():
        if name not in hints:
            faults.append(f"the field {within + name[:100]!r} is not known to this version")
        elif is_dataclass(hints[name]) and isinstance(value, dict):
            faults += _faults(hints[name], value, f"{within}{name}.")
        elif not any(_fits(value, wanted) for wanted in _types(hints[name])):
            words = " or ".join(_WORDS[wanted] for wanted in _types(hints[name]))
            faults.append(f"the field {within + name!r} has to be {words}")
    return faults


def _types(hint: Any) -> list[type]:
    """Return the JSON types of a hint, for example of `float | None` float and null."""
    if get_origin(hint) is UnionType:
        return [wanted for part in get_args(hint) for wanted in _types(part)]
    if is_dataclass(hint):
        return [dict]
    plain = get_origin(hint) or hint
    return [list if plain is Sequence else plain]


def _fits(value: Any, wanted: type) -> bool:
    if isinstance(value, bool):
        return wanted is bool
    if wanted is tuple:
        return isinstance(value, list) and all(_fits(item, float) for item in value)
    return isinstance(value, (int, float) if wanted is float else wanted)

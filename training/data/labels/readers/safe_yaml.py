"""YAML of people we do not know: small, flat, and without aliases."""

from typing import Any

import yaml

from training.data.labels.tree import LabelError

_DEEPEST = 8


def read_yaml(text: str) -> Any:
    """Return the content. Aliases are refused, since small files grow without end by them, and so is what nests deeply.

    Raises:
        LabelError: where it is no such YAML.
    """
    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise LabelError(line, "not YAML that is read: it has aliases")
            if depth > _DEEPEST:
                raise LabelError(line, "not YAML that is read: it is nested too deeply")
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabelError(line, f"not YAML that is read: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise LabelError(1, f"not YAML that is read: {error}") from error


def line_of(key: str, text: str) -> int:
    """Return the line of a key; the first one if it is not there, or written in a way that is not looked for."""
    lines = enumerate(text.splitlines(), start=1)
    starts = (f"{key}:", f"'{key}':", f'"{key}":')
    return next((line for line, entry in lines if entry.startswith(starts)), 1)

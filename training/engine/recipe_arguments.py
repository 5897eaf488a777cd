"""The settings of a recipe that its command line gives."""

from typing import Any


def given_arguments(recipe: Any, *names: str) -> str:
    """Return the command line's part for the settings of a recipe, a dataclass, that are not its defaults.

    Args:
        recipe: with its settings.
        names: those that the command line can set, named there as here.

    Returns:
        Such as " --freeze 0"; "" if all are the defaults.
    """
    settings = {name: getattr(recipe, name) for name in names}
    given = {name: value for name, value in settings.items() if value != getattr(type(recipe), name)}
    return "".join(f" --{name} {value}" for name, value in given.items())

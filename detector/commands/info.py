"""`digit-detector info`: what a detector says of itself."""

from detector.commands.choice import DetectorChoice
from detector.console import OK


def info(choice: DetectorChoice) -> int:
    """Prints what the detector says of itself; returns the exit code."""
    with choice.open() as detector:
        found = detector.info()
    for name, value in vars(found).items():
        if name != "defaults":
            print(f"{name}: {value}")
    for name, value in vars(found.defaults).items():
        print(f"default {name}: {value}")
    return OK

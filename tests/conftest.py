"""What all tests share: the real data where it is there, real images, and the embedded model."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

from detector import DigitDetector

settings.register_profile("thorough", deadline=None)  # a busy machine is no defect
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("thorough")

# A job in the background of a shell ignores Ctrl-C, and so would all that tests start from it.
signal.signal(signal.SIGINT, signal.default_int_handler)

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = CHECKOUT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # A process takes a file as a whole, whose tests share what is costly, and all files of the documents.
        alike = "documents" if "documents" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(alike))
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"the real data is not there: no folder {SHARED}"))


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds pyproject.toml."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; for tests marked `shared`."""
    return SHARED


@pytest.fixture(scope="session")
def real_images() -> dict[str, Path]:
    """A few real SVHN train images, by the number in them."""
    folder = CHECKOUT / "tests" / "data"
    return {number: folder / f"svhn_train_{name}.png" for number, name in _NUMBERS.items()}


_NUMBERS = {"31": 5, "33": 74, "101": 938, "68": 1994}


@pytest.fixture(scope="session")
def embedded() -> DigitDetector:
    """The detector that a user gets, loaded once for all tests."""
    return DigitDetector.load()

"""What importing costs: users wait for it, so each part brings in only what it needs."""

import subprocess
import sys

import pytest

import detector


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `statement`."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent", "reason"),
    [
        (
            "import detector",
            {"tensorflow", "keras", "grpc", "cv2", "scipy"},
            "names come in when they are used",
        ),
        (
            "from detector import DigitDetector",
            {"tensorflow", "keras", "openvino", "grpc"},
            "no network is loaded yet",
        ),
        (
            "from detector.serving.client import DetectorClient",
            {"tensorflow", "keras", "cv2", "scipy"},
            "a client has no need of what the server computes with",
        ),
        ("import detector.cli.main", {"tensorflow", "keras", "grpc", "cv2", "numpy"}, "help is quick"),
        (
            "import detector, detector.folders, detector.cli.detect_folder",
            {"ray", "pyarrow"},
            "one machine has no need of what many have",
        ),
        (
            "from detector import DigitDetector; DigitDetector.load()",
            {"tensorflow", "keras", "grpc", "nncf"},
            "OpenVINO computes without them",
        ),
        (
            "from detector.cli.main import main; main(['detect', 'nowhere.jpg', 'nowhere/*.jpg'])",
            {"tensorflow", "openvino", "grpc"},
            "files that are not there are refused before anything is loaded",
        ),
        (
            "import detector.cli.detector_choice",
            {"tensorflow", "openvino", "grpc"},
            "who detects is not known yet",
        ),
        (
            "import detector.serving.server.processes.serve",
            {"tensorflow", "keras"},
            "the server answers while it loads",
        ),
    ],
)
def test_importing_leaves_out_what_is_not_needed(statement: str, absent: set[str], reason: str) -> None:
    assert not modules_after(statement) & absent, reason


def test_a_network_does_bring_in_tensorflow() -> None:
    assert "tensorflow" in modules_after("import detector.models.tensorflow_backend"), (
        "else the other tests prove nothing"
    )


@pytest.mark.parametrize("name", detector.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(detector, name).__name__ == name


def test_a_name_that_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="DigitDetektor"):
        detector.DigitDetektor  # type: ignore[attr-defined] # noqa: B018

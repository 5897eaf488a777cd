"""Code on pages that runs without this package: exports in their own runtimes, and clients of other stubs."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import google.rpc
import pytest

from tests.documents.conftest import Walks
from tests.documents.pages import CHECKOUT, blocks_of
from tests.documents.walk import SHOWN_PORT, alike

FORMATS = ("savedmodel", "onnx", "openvino", "tflite")

_ALONE = f"""
import sys
sys.path = [folder for folder in sys.path if folder not in ("", {str(CHECKOUT)!r})]
sys.meta_path = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
"""
"""Hides this package, be it the checkout or an editable install of it."""


def run_alone(code: str, folder: Path, search_path: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{_ALONE}{code}"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_of(page: str, language: str = "python") -> list[str]:
    return [block.text for block in blocks_of(page) if block.language == language]


@pytest.mark.slow
def test_every_exported_format_shows_the_same_digit(walk: Walks) -> None:
    _, image, *formats, reading = code_of("docs/export.md")  # the first runs the pipeline, not one network
    assert [f"digits-{name}" in block for name, block in zip(FORMATS, formats, strict=True)] == [True] * 4
    code = "\n".join([image, *(f"{block}\n{reading}" for block in formats)])
    printed = run_alone(code, walk("docs/export.md").folder, "").splitlines()
    _, shown = code_of("docs/export.md", "output")
    assert len(printed) == len(FORMATS)
    assert all(alike(shown, line) for line in printed), printed


@pytest.mark.slow
def test_python_with_stubs_of_its_own(walk: Walks, bare_server: Callable[[], str]) -> None:
    (code,) = code_of("docs/grpc-api.md")
    code = code.replace(f"127.0.0.1:{SHOWN_PORT}", bare_server())
    origin = "\nimport detector.v1.detector_pb2 as stubs; assert '/stubs/' in stubs.__file__, stubs.__file__"
    printed = run_alone(code + origin, walk("docs/grpc-api.md").folder, "stubs")
    assert alike(code_of("docs/grpc-api.md", "output")[0], printed)


def _has_grpc_for_node() -> bool:
    if shutil.which("node") is None:
        return False
    look = "require.resolve('@grpc/grpc-js'); require.resolve('@grpc/proto-loader')"
    return (
        subprocess.run(["node", "-e", look], cwd=CHECKOUT, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.slow
@pytest.mark.skipif(not _has_grpc_for_node(), reason="Node.js with its two gRPC packages is not installed")
def test_node(bare_server: Callable[[], str], tmp_path: Path) -> None:
    (code,) = code_of("docs/grpc-api.md", "js")
    (tmp_path / "protos").symlink_to(CHECKOUT / "protos")
    (tmp_path / "googleapis").symlink_to(Path(next(iter(google.rpc.__path__))).parents[1])
    shutil.copy(CHECKOUT / "tests" / "data" / "svhn_train_5.png", tmp_path / "house.jpg")
    done = subprocess.run(
        ["node", "-e", code.replace(f"127.0.0.1:{SHOWN_PORT}", bare_server())],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[ '31' ]\n"

"""Writes detector/v1/detector_pb2* from protos/: python scripts/generate_protos.py.

An old compiler writes them, in an environment that is made for it and thrown away: what it writes works with every
later protobuf and grpcio, whereas newer compilers write code that asks for libraries as new as they are.
"""

import argparse
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent

COMPILER = ("grpcio-tools==1.62.0", "setuptools<81")
"""The oldest that writes for protobuf 5.26 and grpcio 1.62, the floors in pyproject.toml; it imports pkg_resources."""

_PROTOC = """
import sys
from importlib.resources import files
from grpc_tools import protoc
sys.exit(protoc.main(["protoc", f"-I{files('grpc_tools') / '_proto'}", *sys.argv[1:]]))
"""


def main() -> int:
    """Return protoc's exit code."""
    parser = argparse.ArgumentParser(description="Generates the protobuf and gRPC code.")
    parser.add_argument("--out", type=Path, default=ROOT, help="root of the package tree (this checkout)")
    out = parser.parse_args().out
    outputs = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        subprocess.run([python, "-m", "pip", "install", "-qq", *COMPILER], check=True)
        command = [python, "-c", _PROTOC, f"-I{ROOT / 'protos'}", *outputs, "detector/v1/detector.proto"]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

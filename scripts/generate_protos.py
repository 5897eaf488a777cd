"""Writes detector/v1/detector_pb2* from protos/ (needs the `dev` extra): python scripts/generate_protos.py."""

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Return protoc's exit code."""
    parser = argparse.ArgumentParser(description="Generates the protobuf and gRPC code.")
    parser.add_argument("--out", type=Path, default=ROOT, help="root of the package tree (this checkout)")
    out = parser.parse_args().out
    outputs = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    includes = [f"-I{ROOT / 'protos'}", f"-I{files('grpc_tools') / '_proto'}"]
    return int(protoc.main(["protoc", *includes, *outputs, "detector/v1/detector.proto"]))


if __name__ == "__main__":
    sys.exit(main())

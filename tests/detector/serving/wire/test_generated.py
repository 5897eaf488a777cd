"""The generated code is what protoc makes of the proto file, and the proto file keeps its promises."""

import subprocess
import sys
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from detector.v1 import detector_pb2 as wire


def test_generated_messages_are_those_of_the_proto_file(checkout: Path, tmp_path: Path) -> None:
    described = tmp_path / "described.binpb"
    includes = [f"-I{checkout / 'protos'}", f"-I{files('grpc_tools') / '_proto'}"]
    compiler = [sys.executable, "-m", "grpc_tools.protoc"]
    outputs = [f"--descriptor_set_out={described}", "detector/v1/detector.proto"]
    subprocess.run([*compiler, *includes, *outputs], check=True, timeout=60)
    (made,) = FileDescriptorSet.FromString(described.read_bytes()).file
    for message in made.message_type:
        for field in message.field:
            field.ClearField("json_name")  # it follows from the name
    kept = FileDescriptorProto()
    wire.DESCRIPTOR.CopyToProto(kept)
    assert made == kept


@pytest.mark.soak
def test_generated_code_is_what_the_script_writes(checkout: Path, tmp_path: Path) -> None:
    script = checkout / "scripts" / "generate_protos.py"
    subprocess.run([sys.executable, script, "--out", tmp_path], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "detector" / "v1").iterdir()}
    kept = {path.name: path.read_text() for path in (checkout / "detector" / "v1").glob("detector_pb2*")}
    assert made == kept
    assert len(made) == 3


def test_every_message_and_field_has_a_comment(checkout: Path) -> None:
    lines = (checkout / "protos" / "detector" / "v1" / "detector.proto").read_text().splitlines()
    for before, line in pairwise(lines):
        statement = line.strip()
        if statement.startswith(("message ", "rpc ", "service ", "oneof ")) or statement.endswith(";"):
            if statement.startswith(("syntax", "package", "import")):
                continue
            assert before.strip().startswith("//"), f"no comment above: {statement}"


MESSAGES = list(wire.DESCRIPTOR.message_types_by_name.values())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_names_of_repeated_fields_are_plural_and_counts_say_so(message: Descriptor) -> None:
    for field in message.fields:
        if field.is_repeated:
            assert field.name.endswith("s")
        assert not field.name.startswith(("num_", "n_"))


def test_every_option_can_be_left_unset() -> None:
    options: list[FieldDescriptor] = list(wire.DetectOptions.DESCRIPTOR.fields)
    assert options
    assert all(option.has_presence for option in options)

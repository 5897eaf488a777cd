"""What a release puts on the wire stays there: programs that were built with it go on working."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from detector.v1 import detector_pb2 as wire

RELEASE = "detector.v1-0.2.0.binpb"
"""The messages and calls of the last release, in tests/data; a release replaces it."""


def parts(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Everything that a program relies on, by its name: fields with number and type, calls with messages."""
    for message in file.message_type:
        yield message.name, "message"
        oneofs = [oneof.name for oneof in message.oneof_decl]
        for field in message.field:
            oneof = oneofs[field.oneof_index] if field.HasField("oneof_index") else ""
            kind = FieldDescriptorProto.Type.Name(field.type)
            label = FieldDescriptorProto.Label.Name(field.label)
            yield f"{message.name}.{field.name}", f"{field.number} {label} {kind} {field.type_name} {oneof}"
    for service in file.service:
        for call in service.method:
            streams = f"{call.client_streaming} {call.server_streaming}"
            yield f"{service.name}.{call.name}", f"{call.input_type} {call.output_type} {streams}"


def breaks(before: FileDescriptorProto, now: FileDescriptorProto) -> list[str]:
    """What `before` has, and `now` has not or has otherwise."""
    present = dict(parts(now))
    changed = [name for name, kind in parts(before) if present.get(name) != kind]
    return changed if before.package == now.package else ["package", *changed]


@pytest.fixture(scope="module")
def release(checkout: Path) -> FileDescriptorProto:
    content = (checkout / "tests" / "data" / RELEASE).read_bytes()
    (file,) = FileDescriptorSet.FromString(content).file
    return file


def current() -> FileDescriptorProto:
    file = FileDescriptorProto()
    wire.DESCRIPTOR.CopyToProto(file)
    return file


def test_what_the_last_release_has_is_still_there(release: FileDescriptorProto) -> None:
    assert len(list(parts(release))) > 40
    assert breaks(release, current()) == []


def message(file: FileDescriptorProto, name: str) -> DescriptorProto:
    return next(found for found in file.message_type if found.name == name)


def rename(file: FileDescriptorProto) -> None:
    message(file, "Digit").field[0].name = "digit"


def renumber(file: FileDescriptorProto) -> None:
    message(file, "Digit").field[0].number = 9


def retype(file: FileDescriptorProto) -> None:
    message(file, "Digit").field[1].type = FieldDescriptorProto.TYPE_FLOAT


def make_repeated(file: FileDescriptorProto) -> None:
    message(file, "Digit").field[2].label = FieldDescriptorProto.LABEL_REPEATED


def drop_field(file: FileDescriptorProto) -> None:
    del message(file, "Digit").field[2]


def drop_call(file: FileDescriptorProto) -> None:
    del file.service[0].method[2]


def stop_streaming(file: FileDescriptorProto) -> None:
    file.service[0].method[1].client_streaming = False


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (rename, ["Digit.label"]),
        (renumber, ["Digit.label"]),
        (retype, ["Digit.score"]),
        (make_repeated, ["Digit.box"]),
        (drop_field, ["Digit.box"]),
        (drop_call, ["DigitDetector.GetModelInfo"]),
        (stop_streaming, ["DigitDetector.DetectStream"]),
    ],
)
def test_a_break_is_found(
    release: FileDescriptorProto, change: Callable[[FileDescriptorProto], None], broken: list[str]
) -> None:
    now = FileDescriptorProto()
    now.CopyFrom(release)
    change(now)
    assert breaks(release, now) == broken


def test_what_is_new_breaks_nothing(release: FileDescriptorProto) -> None:
    now = FileDescriptorProto()
    now.CopyFrom(release)
    message(now, "Digit").field.add(name="colour", number=99, type=FieldDescriptorProto.TYPE_STRING)
    now.message_type.add(name="Later")
    assert breaks(release, now) == []

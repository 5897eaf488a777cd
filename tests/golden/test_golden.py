"""Golden files: what other programs read of ours, kept byte for byte in tests/golden/files.

The results in them are fixed, so new weights change none of them. A change of one is a change for whoever reads such
files: it belongs into CHANGELOG.md, and `python -m tests.golden.test_golden` renews them.
"""

import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.formats import convert
from detector.folders.location import LocationOptions
from detector.folders.results_file import ResultsFile
from detector.v1 import detector_pb2 as wire
from tests.detector.captures import GOOD_GPS, GOOD_TIME, encoded, exif_block
from tests.detector.serving.harness import RunningServer
from tests.golden.fixed_results import FOUND, MANIFEST, FixedDetector

GOLDEN = Path(__file__).parent / "files"

IMAGE = encoded("PNG", b"")

MEASURED = re.compile(rb"((?:queue|decode)\x11).{8}", re.DOTALL)
"""The times that the server adds: a stage's name, the tag of a double, its eight bytes."""


def job_rows(folder: Path) -> bytes:
    """The output of a folder job: a photograph that knows its time and place, and a file that is no image."""
    photos = folder / "photos"
    (photos / "street").mkdir(parents=True)
    (photos / "street" / "75.jpg").write_bytes(encoded("JPEG", exif_block(GOOD_TIME, GOOD_GPS)))
    (photos / "broken.png").write_bytes(b"no image")
    job = FolderJob(photos, folder / "rows.jsonl", location=LocationOptions())
    detect_folder(plan_folder(job), FixedDetector())
    return job.output.read_bytes()


def converted(target: str, name: str) -> Callable[[Path], bytes]:
    """A maker of the golden rows in another format; `name` is the file to look at, of a format that is a folder."""

    def make(folder: Path) -> bytes:
        job_rows(folder)
        convert(ResultsFile(folder / "rows.jsonl"), target, folder / "out")
        return (folder / "out" / name).read_bytes()

    return make


def export_description(_: Path) -> bytes:
    """What an export says of itself in export.json."""
    from detector.export.export_model import describe  # noqa: PLC0415 - TensorFlow comes in with it

    told = describe(MANIFEST, "onnx", {name: f"{name}.onnx" for name in ("fcn", "refiner", "gate")})
    return f"{json.dumps(told, indent=2, ensure_ascii=False)}\n".encode()


def reply(_: Path) -> bytes:
    """The message of a Detect call's reply as it leaves a server; the two times that it took are made zero."""
    request = wire.DetectRequest(image=IMAGE).SerializeToString()
    with RunningServer(FixedDetector()) as server, server.channel() as channel:
        detect = channel.unary_unary("/detector.v1.DigitDetector/Detect")  # bytes in, bytes out
        message = detect(request, timeout=60)
    return MEASURED.sub(lambda found: found[1] + bytes(8), message)


MAKERS: dict[str, Callable[[Path], bytes]] = {
    "rows.jsonl": job_rows,
    "coco.json": converted("coco", ""),
    "coco-results.json": converted("coco-results", ""),
    "voc.xml": converted("voc", "Annotations/street/75.xml"),
    "export.json": export_description,
    "reply.binpb": reply,
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_others_read_is_as_it_was(name: str, tmp_path: Path) -> None:
    made, kept = MAKERS[name](tmp_path), (GOLDEN / name).read_bytes()
    assert made == kept, "\n".join(difflib.unified_diff(lines(name, kept), lines(name, made), "kept", "made"))


def lines(name: str, content: bytes) -> list[str]:
    """A golden file for people: a message by its fields."""
    text = str(wire.DetectResponse.FromString(content)) if name.endswith(".binpb") else content.decode()
    return text.splitlines()


def test_every_golden_file_is_made_by_a_test() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == MAKERS.keys()


def test_the_kept_reply_has_every_field_that_a_reply_can_have() -> None:
    message = wire.DetectResponse.FromString((GOLDEN / "reply.binpb").read_bytes())
    assert {field.name for field, _ in message.ListFields()} == set(
        wire.DetectResponse.DESCRIPTOR.fields_by_name
    )
    assert len(message.digits) == len(FOUND.digits)


def main() -> None:
    """Writes the golden files anew."""
    for name, make in MAKERS.items():
        with TemporaryDirectory() as folder:
            (GOLDEN / name).write_bytes(make(Path(folder)))


if __name__ == "__main__":
    main()

"""A model is replaced while callers call: a good one by the next answer, a bad one never, and no call fails."""

import hashlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from safetensors.numpy import load, save

from detector.models.model_files import EMBEDDED, load_model, save_model
from detector.models.runtimes import OPENVINO, chosen_runtime, named_version
from detector.results.errors import DetectorError
from detector.serving.client import DetectorClient
from tests.detector.serving.programs import CLI, Process, own_channel, running, until

MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"
KEPT = "the model was not replaced: "


class Served(NamedTuple):
    """A server of the model in `folder`, which it watches, and a caller who never stops to call."""

    process: Process
    address: str
    client: DetectorClient
    folder: Path
    """A link to the folder that the model is in."""
    versions: list[str]
    """Of the model that gave each answer."""
    errors: list[DetectorError]

    def refusals(self) -> list[str]:
        """What the log says of models that were not taken."""
        return [line for line in self.process.errors_so_far.splitlines() if KEPT in line]


@pytest.fixture(scope="module")
def served(
    checkout: Path, real_images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    parent = tmp_path_factory.mktemp("models")
    folder = parent / "current"
    folder.symlink_to(shutil.copytree(EMBEDDED, parent / "first"))
    image = real_images["31"].read_bytes()
    done = threading.Event()
    with (
        running([*CLI, "--port", "0", "--model", str(folder), "--watch-model"], checkout) as process,
        DetectorClient(address := process.address()) as client,
    ):
        state = Served(process, address, client, folder, [], [])

        def call() -> None:
            while not done.is_set():
                try:
                    state.versions.append(client.detect(image).model_version)
                except DetectorError as error:
                    state.errors.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        try:
            yield state
        finally:
            done.set()
            caller.join()
        assert state.errors == []
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0, process.errors


def change_manifest(folder: Path, **changes: object) -> None:
    known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(known | changes), encoding="utf-8")


def truncate(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])


def other_arrays(folder: Path) -> None:
    """Arrays that are nobody's, with a hash that is right."""
    arrays = load((folder / WEIGHTS).read_bytes())
    content = save({f"../../{name}": array for name, array in arrays.items()})
    (folder / WEIGHTS).write_bytes(content)
    change_manifest(folder, sha256=_sha256(folder))


def pickled(folder: Path) -> None:
    """A pickle that would write a file if it were unpickled, with a hash that is right."""
    (folder / WEIGHTS).write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % os.fsencode(folder / "executed"))
    change_manifest(folder, sha256=_sha256(folder))


def blind(folder: Path) -> None:
    """Weights that load and see nothing, with a hash that is right."""
    weights, manifest = load_model(folder)
    save_model(folder, replace(weights, fcn=[0 * array for array in weights.fcn]), manifest)


def pipe(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)


def _sha256(folder: Path) -> str:
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated weights": (truncate, "damaged or replaced"),
    "a wrong hash": (lambda folder: change_manifest(folder, sha256="0" * 64), "damaged or replaced"),
    "arrays that are nobody's": (other_arrays, "belongs to no network"),
    "a pickle": (pickled, "not a safetensors file"),
    "weights that see nothing": (blind, "it finds nothing"),
    "a pipe": (pipe, "not a file"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "No such file"),
    "a manifest of 100,000 brackets": (
        lambda folder: (folder / MANIFEST).write_text("[" * 100_000),
        "not a model manifest",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_model_replaces_nothing(
    served: Served, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    before, known, answers = served.client.info(), len(served.refusals()), len(served.versions)
    good = served.folder.resolve()
    bad = shutil.copytree(good, tmp_path / "bad")
    damage(bad)
    turn(served.folder, bad)
    served.process.send(signal.SIGHUP)
    until(lambda: any(message in line for line in served.refusals()[known:]), "it says why not")
    assert served.client.info() == before
    with own_channel(served.address) as channel:
        reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    until(lambda: len(served.versions) > answers, "it answers as before")
    assert not (bad / "executed").exists()
    turn(served.folder, good)


def turn(link: Path, folder: Path) -> None:
    """Lets a link name another folder, in one step."""
    other = link.with_name("next")
    other.symlink_to(folder)
    other.replace(link)


def new_version(served: Served, folder: Path, version: str) -> tuple[str, str]:
    """Writes a model that finds what the old one finds, and is another; returns its hash and full version."""
    weights, manifest = load_model(served.folder)
    weights.fcn[-1][0] += 0.001
    written = save_model(folder, weights, replace(manifest, version=version))
    return written.sha256, named_version(written, chosen_runtime(OPENVINO, written))


@pytest.mark.slow
def test_a_good_model_answers_after_sighup(served: Served) -> None:
    digest, version = new_version(served, served.folder, "by signal")
    served.process.send(signal.SIGHUP)
    until(lambda: served.client.info().version == version, "the new one is in")
    assert served.client.info().sha256 == digest
    until(lambda: served.versions[-1:] == [version], "it answers")


@pytest.mark.slow
def test_a_good_model_answers_when_its_manifest_is_new(served: Served, tmp_path: Path) -> None:
    digest, version = new_version(served, tmp_path / "watched", "watched")
    turn(served.folder, tmp_path / "watched")
    until(lambda: served.client.info().version == version, "it was seen")
    assert served.client.info().sha256 == digest
    until(lambda: served.versions[-1:] == [version], "it answers")
    assert served.errors == []

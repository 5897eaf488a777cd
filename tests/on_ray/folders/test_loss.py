"""Whatever dies in the middle of a job on a cluster, no row is lost and none comes twice."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from detector import DigitDetector
from detector.folders.rows import Row, detections_row
from tests.on_ray.clusters import node, started_cluster
from tests.on_ray.folders.jobs import (
    assert_same_rows,
    finish,
    rows_in,
    run,
    shards_in,
    started,
    wait_until,
)

pytestmark = pytest.mark.ray

IMAGES, SHARD = 240, 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of its own: nodes of it die."""
    with started_cluster((0, 1, 1)) as cluster:
        yield cluster


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    sources = list(real_images.values())
    for number in range(IMAGES):
        shutil.copy(sources[number % len(sources)], folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def expected(real_images: dict[str, Path], embedded: DigitDetector) -> list[Row]:
    """The rows of `photos`: those of the few images that they are copies of."""
    found = [embedded.detect(path.read_bytes()) for path in real_images.values()]
    return [detections_row(f"{number:03d}.png", found[number % len(found)]) for number in range(IMAGES)]


def test_a_node_is_killed(cluster: Cluster, photos: Path, tmp_path: Path, expected: list[Row]) -> None:
    output = tmp_path / "out"
    job = started(photos, "--output", output, "--shard-images", SHARD, "--address", cluster.address)
    wait_until(lambda: len(shards_in(output)) >= 4, job)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    there = len(shards_in(output))
    code, said = finish(job)
    assert there < IMAGES // SHARD, "it died in the middle"
    assert code == 0, said
    assert_same_rows(rows_in(output), expected)
    assert f"{IMAGES} images (0 not read)" in said
    cluster.add_node(**node(1))


def test_the_driver_is_killed(cluster: Cluster, photos: Path, tmp_path: Path, expected: list[Row]) -> None:
    """While it starts, when the first rows are there and later; and it goes on with another number of workers."""
    output = tmp_path / "out"
    arguments = (
        photos,
        "--output",
        output,
        "--shard-images",
        SHARD,
        "--address",
        cluster.address,
        "--resume",
    )
    job = started(*arguments)
    wait_until((output / "_job" / "listing.json").exists, job)
    kill(job)
    for more in (1, 15):
        before = len(shards_in(output))
        job = started(*arguments)
        wait_until(lambda before=before, more=more: len(shards_in(output)) >= before + more, job)  # type: ignore[misc]
        kill(job)
    there = {shard: shard.stat().st_mtime_ns for shard in shards_in(output)}
    assert there, "else there is nothing to go on with"
    assert len(there) < IMAGES // SHARD, "it was killed in the middle"
    code, said = run(*arguments, "--workers", 1)
    assert code == 0, said
    assert_same_rows(rows_in(output), expected)
    assert f"{IMAGES} images (0 not read)" in said
    assert {shard: shard.stat().st_mtime_ns for shard in there} == there, "what was done is not done again"
    assert not list(output.glob("*.part"))


def kill(job: "subprocess.Popen[str]") -> None:
    job.send_signal(signal.SIGKILL)
    job.communicate()

"""Whatever dies in the middle of a job on a cluster, no row is lost and none comes twice."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray.cluster_utils import Cluster

from detector import DigitDetector
from detector.folders.rows import Row, detections_row
from tests.detector.pictures import encode
from tests.on_ray.clusters import node, started_cluster
from tests.on_ray.folders.jobs import (
    assert_same_rows,
    finish,
    rows_in,
    run,
    shards_in,
    started,
    wait_until,
    workers_on,
)

pytestmark = pytest.mark.ray

IMAGES, SHARD, WALL = 240, 4, 8


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of its own: nodes of it die."""
    with started_cluster((0, 1, 1)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sources(real_images: dict[str, Path]) -> list[bytes]:
    """Walls of a few real images: the numbers on each keep a processor busy for a tenth of a second."""
    encoded = []
    for path in real_images.values():
        with Image.open(path) as image:
            wall = np.tile(np.asarray(image.convert("RGB")), (WALL, WALL, 1))
            encoded.append(encode("PNG", Image.fromarray(wall)))
    return encoded


@pytest.fixture
def photos(tmp_path: Path, sources: list[bytes]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(IMAGES):
        (folder / f"{number:03d}.png").write_bytes(sources[number % len(sources)])
    return folder


@pytest.fixture(scope="module")
def expected(sources: list[bytes], embedded: DigitDetector) -> list[Row]:
    """The rows of `photos`: those of the few images that they are copies of."""
    found = [embedded.detect(source) for source in sources]
    return [detections_row(f"{number:03d}.png", found[number % len(found)]) for number in range(IMAGES)]


def test_a_node_is_killed_and_another_joins(
    cluster: Cluster, photos: Path, tmp_path: Path, expected: list[Row]
) -> None:
    output = tmp_path / "out"
    job = started(photos, "--out", output, "--shard-images", SHARD, "--address", cluster.address)
    wait_until(lambda: len(shards_in(output)) >= 4, job)
    killed = next(node for node in cluster.worker_nodes if workers_on(node))
    cluster.remove_node(killed, allow_graceful=False)
    joined = cluster.add_node(**node(1))
    wait_until(lambda: workers_on(joined) == 1, job)
    assert len(shards_in(output)) < IMAGES // SHARD, "all this was in the middle"
    code, said = finish(job)
    assert code == 0, said
    assert_same_rows(rows_in(output), expected)
    assert f"{IMAGES} images (0 not read)" in said


def test_the_driver_is_killed(cluster: Cluster, photos: Path, tmp_path: Path, expected: list[Row]) -> None:
    """While it starts, when the first rows are there and later; and it goes on with another number of workers."""
    output = tmp_path / "out"
    arguments = (
        photos,
        "--out",
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

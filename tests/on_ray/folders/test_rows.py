"""Folder jobs on a cluster of several nodes leave the rows of the job on one machine."""

import subprocess
from dataclasses import replace
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import FileSystem
from ray._private.internal_api import memory_summary
from ray.cluster_utils import Cluster

import detector.cli.main
from detector import DigitDetector
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.listing import Selection
from detector.folders.results_file import ResultsFile
from detector.folders.rows import Row
from detector.models.model_files import EMBEDDED, load_model, save_model
from tests.detector.serving.harness import free_port
from tests.on_ray.folders.jobs import assert_same_rows, rows_in, run, shards_in

pytestmark = pytest.mark.ray


def rows_of_one_machine(
    photos: Path, output: Path, found_by: DigitDetector, selection: Selection | None = None
) -> list[Row]:
    detect_folder(plan_folder(FolderJob(photos, output, selection=selection or Selection())), found_by)
    return rows_in(output.parent)


def test_a_folder_on_disks(
    cluster: Cluster, local_photos: Path, tmp_path: Path, embedded: DigitDetector
) -> None:
    """Of images that are larger than all object stores together, none goes through them."""
    heavy = local_photos / "heavy.png"
    heavy.write_bytes((local_photos / "33.png").read_bytes() + bytes(50 * 2**20))
    for number in range(19):
        heavy.with_name(f"heavy {number}.png").hardlink_to(heavy)
    code, said = run(
        local_photos, "--out", tmp_path / "out", "--shard-images", 3, "--address", cluster.address
    )
    assert code == 1, said
    assert "1 video is not read, holiday.mp4: " in said
    (tmp_path / "one").mkdir()
    expected = rows_of_one_machine(local_photos, tmp_path / "one" / "digits.jsonl", embedded)
    assert_same_rows(rows_in(tmp_path / "out"), expected)
    assert f"{len(expected)} images (6 not read)" in said
    assert len(shards_in(tmp_path / "out")) == -(-len(expected) // 3)
    assert "Spilled" not in memory_summary(cluster.address, stats_only=True)

    table = tmp_path / "digits.jsonl"
    subprocess.run(f"cat {tmp_path}/out/*.jsonl > {table}", shell=True, check=True)
    assert len(list(ResultsFile(table))) == len(expected)
    for command in (
        ["report", str(table), "--images", str(local_photos), "--out", str(tmp_path / "gallery")],
        ["convert", str(table), "--to", "csv-digits", "--out", str(tmp_path / "digits.csv")],
    ):
        assert detector.cli.main.main(command) == 0


def test_a_prefix_in_an_object_store(
    cluster: Cluster, s3_port: int, photos: Path, tmp_path: Path, embedded: DigitDetector
) -> None:
    store = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_port}")
    for path in photos.rglob("*.*"):
        store.upload_file(str(path), "archive", f"2026/photos/{path.relative_to(photos)}")
    at = f"?scheme=http&endpoint_override=127.0.0.1:{s3_port}"
    output = f"s3://archive/2026/digits{at}"
    arguments = (f"s3://archive/2026/photos{at}", "--out", output, "--format", "parquet")
    code, said = run(*arguments, "--exclude", "thumbnails/*", "--address", cluster.address)
    assert code == 1, said
    expected = rows_of_one_machine(
        photos, tmp_path / "digits.jsonl", embedded, Selection(exclude=("thumb*",))
    )
    files, path = FileSystem.from_uri(output)
    table = pq.read_table(path, filesystem=files)
    found = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    assert_same_rows(sorted(found, key=lambda row: str(row["image"])), expected)

    code, said = run(*arguments, "--address", cluster.address)
    assert code == 2
    assert "s3://archive/2026/digits has rows already" in said
    code, said = run(*arguments, "--address", cluster.address, "--resume")
    assert code == 2
    assert "--exclude was thumbnails/*, is not given" in said


def test_a_worker_that_cannot_work_says_why(cluster: Cluster, photos: Path, tmp_path: Path) -> None:
    weights, manifest = load_model(EMBEDDED)
    save_model(tmp_path / "model", replace(weights, fcn=weights.fcn[:-1]), manifest)
    output = tmp_path / "out"
    code, said = run(photos, "--out", output, "--model", tmp_path / "model", "--address", cluster.address)
    assert code == 2, "not begun"
    assert "a worker cannot work" in said.splitlines()[-1]
    assert "the weights do not fit this network" in said.splitlines()[-1]
    assert not shards_in(output)
    code, said = run(photos, "--out", output, "--resume", "--address", cluster.address)
    assert code == 2
    assert "was begun with other settings (model was" in said


def test_nobody_listens(photos: Path, tmp_path: Path) -> None:
    code, said = run(photos, "--out", tmp_path / "out", "--address", f"127.0.0.1:{free_port()}")
    assert code == 2
    assert "no Ray cluster at 127.0.0.1" in said
    assert not (tmp_path / "out").exists()

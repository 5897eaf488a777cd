"""The walk in docs/walk.md: every number ends on the map where the camera stood."""

import csv
import json
import os
import shutil
import subprocess
import venv
from pathlib import Path
from urllib.parse import unquote

import gpxpy
import pytest
from geojson_pydantic import FeatureCollection
from gpxpy.geo import haversine_distance

from tests.detector.folders.location.street import (
    BEGIN,
    FILMED,
    VIDEO_BEGIN,
    make_walk,
    place_after,
    placed_numbers,
)
from tests.detector.test_packaging import LEFT_OUT
from tests.documents.commands import lines_of
from tests.documents.conftest import Walks
from tests.documents.pages import blocks_of


def check(folder: Path) -> None:
    """Checks all that the commands on the page have written."""
    placed = placed_numbers()
    rows = [json.loads(line) for line in (folder / "numbers.jsonl").read_text().splitlines()]
    assert len(rows) == 30 + 20, "a row for each photograph, and two for each second of the video"
    assert not [row for row in rows if "error" in row]
    assert all("latitude" in row for row in rows), "the track covers the walk"
    assert '"latitude": 52.52' in (folder / "gallery" / "index.html").read_text(encoding="utf-8")
    text = (folder / "numbers.geojson").read_text(encoding="utf-8")
    assert len(FeatureCollection.model_validate_json(text).features) == len(placed)
    features = {each["properties"]["addr:housenumber"]: each for each in json.loads(text)["features"]}
    assert set(features) == {each.number for each in placed}
    for each in placed:
        feature = features[each.number]
        longitude, latitude = feature["geometry"]["coordinates"]
        stood = (each.latitude, each.longitude)
        if each.number in FILMED:
            assert len(feature["properties"]["pictures"]) >= 5, "one sighting of many frames"
            second = float(feature["properties"]["picture"].partition("#t=")[2])
            stood = place_after((VIDEO_BEGIN - BEGIN).total_seconds() + second)
        else:
            bearing = feature["properties"].get("bearing_deg")
            assert bearing == (each.heading and pytest.approx(each.heading, abs=4)), (
                "it is about in the middle"
            )
        assert haversine_distance(latitude, longitude, *stood) < 1, each
    waypoints = gpxpy.parse((folder / "numbers.gpx").read_text(encoding="utf-8")).waypoints
    assert {point.name for point in waypoints} == set(features)
    assert {unquote(str(point.link)).partition("#")[0] for point in waypoints} == {
        row["image"] for row in rows
    }
    notes = list(csv.DictReader((folder / "notes.csv").read_text(encoding="utf-8").splitlines()))
    assert len(notes) == len(placed)


@pytest.mark.slow
def test_every_number_is_where_the_camera_stood(walk: Walks) -> None:
    check(walk("docs/walk.md").folder)


@pytest.mark.soak
def test_the_walk_runs_in_an_empty_environment(checkout: Path, tmp_path: Path) -> None:
    shutil.copytree(checkout, tmp_path / "source", ignore=LEFT_OUT)
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / "bin"
    install = [programs / "pip", "install", "-qq", "-c", checkout / "constraints.txt"]
    subprocess.run([*install, f"{tmp_path / 'source'}[video]"], check=True)
    folder = tmp_path / "here"
    make_walk(folder)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    lines = [
        line for block in blocks_of("docs/walk.md") if block.language == "sh" for line in lines_of(block.text)
    ]
    for line in lines:
        if line.startswith("digit-detector"):
            subprocess.run(["sh", "-c", line], cwd=folder, env=environment, check=True)
    check(folder)

"""The walk in docs/walk.md, command by command: every number ends on the map where the camera stood."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import unquote

import gpxpy
import pytest
from geojson_pydantic import FeatureCollection
from gpxpy.geo import haversine_distance

from tests.detector.folders.location.street import BEGIN, FILMED, VIDEO_BEGIN, make_walk, place_after
from tests.detector.test_packaging import LEFT_OUT


def commands(checkout: Path) -> list[str]:
    text = (checkout / "docs" / "walk.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("digit-detector")]


def walk(folder: Path, shown: list[str], programs: Path) -> None:
    """Runs the commands in a shell that finds `digit-detector` in `programs`, and checks all that they write."""
    placed = make_walk(folder)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    for command in shown:
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
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
def test_the_walk_runs_as_it_is_written(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "digit-detector"
    code = f"import sys; sys.path.insert(0, {str(checkout)!r}); from detector.cli.main import main; sys.exit(main())"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    script.chmod(0o755)
    walk(tmp_path / "here", commands(checkout), programs)


@pytest.mark.soak
def test_the_walk_runs_in_an_empty_environment(checkout: Path, tmp_path: Path) -> None:
    shutil.copytree(checkout, tmp_path / "source", ignore=LEFT_OUT)
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / "bin"
    install = [programs / "pip", "install", "-qq", "-c", checkout / "constraints.txt"]
    subprocess.run([*install, f"{tmp_path / 'source'}[video]"], check=True)
    walk(tmp_path / "here", commands(checkout), programs)

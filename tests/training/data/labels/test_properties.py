"""Whatever a tool writes is read back as it was; whatever is damaged is told, and no more is lost than that."""

import random
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.data.labels.damage import DAMAGES
from tests.training.data.labels.folders import WRITERS, Drawn
from tests.training.data.labels.odd_folders import read
from tests.training.data.labels.tools import TOOLS
from training.data.labels.folder import LabelOptions, Labels, read_labels
from training.data.scenes import Scene
from training.errors import DataError

STEMS = st.sampled_from(["1", "00", "street 5", "décor", "a.b", "Ärger (2)", "IMG_20260101", "\uff13"])


@st.composite
def drawn(draw: st.DrawFn, most: int = 3) -> list[Drawn]:
    """Pictures of which the first has a digit; no box is there twice."""
    pictures = []
    for number in range(draw(st.integers(1, most))):
        width, height = draw(st.integers(1, 60)), draw(st.integers(1, 60))
        marks = []
        for _ in range(draw(st.integers(0 if number else 1, 3))):
            x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
            marks.append((str(draw(st.integers(0, 9))), (x1, y1, x2, y2)))
        pictures.append(Drawn(f"{draw(STEMS)}-{number}.bmp", (width, height), list(dict.fromkeys(marks))))
    return pictures


def assert_as_drawn(scene: Scene, picture: Drawn) -> None:
    boxes = [box for _, box in picture.marks]
    np.testing.assert_allclose(scene.boxes, np.reshape(boxes, (-1, 4)), atol=1e-4)
    assert scene.labels.tolist() == [int(digit) for digit, _ in picture.marks]


@pytest.mark.parametrize("name", TOOLS)
@given(pictures=drawn(), seed=st.integers(0, 2**32))
def test_what_a_tool_writes_is_read_back(name: str, pictures: list[Drawn], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        TOOLS[name](Path(folder), pictures, random.Random(seed))
        labels = read(Path(folder))
        assert (labels.format, [str(problem) for problem in labels.problems]) == (name, [])
        assert (labels.clipped, labels.ignored.total()) == (0, 0)
        scenes = {scene.path.name: scene for scene in labels.scenes}
        assert scenes.keys() == {picture.name for picture in pictures}
        for picture in pictures:
            assert_as_drawn(scenes[picture.name], picture)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage"), [pytest.param(n, d, id=f"{n}: {d}") for n in DAMAGES for d in DAMAGES[n]]
)
@given(pictures=drawn(), seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_damage_in_one_place_is_told(name: str, damage: str, pictures: list[Drawn], seed: int) -> None:
    """With a file and a line; what is read nevertheless is what was written, and nothing is without its digits."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        WRITERS[name](folder, pictures)
        DAMAGES[name][damage](folder, random.Random(seed))
        assert_told(folder, pictures)


def assert_told(folder: Path, pictures: Sequence[Drawn]) -> None:
    place = rf"{re.escape(str(folder))}/[^:\n]+:[1-9]\d*: ."
    labels, refusal = outcome(lambda: read(folder))
    if labels is None:  # the only label file was damaged so that nothing tells its format
        assert re.search(place, refusal), refusal
        return
    assert labels.problems
    assert [text for text in map(str, labels.problems) if not re.match(place, text)] == []
    expected = {picture.name: picture for picture in pictures}
    for scene in labels.scenes:
        assert_as_drawn(scene, expected[scene.path.name])
    skipped, refusal = outcome(lambda: read_labels(folder, LabelOptions(skip_bad=True), progress=False))
    if skipped is None:
        assert "none of the images without problems has a digit" in refusal
    else:
        assert [scene.path for scene in skipped.scenes] == [scene.path for scene in labels.scenes]


def outcome(act: Callable[[], Labels]) -> tuple[Labels | None, str]:
    """What is read, or why nothing is."""
    try:
        return act(), ""
    except DataError as refusal:
        return None, str(refusal)

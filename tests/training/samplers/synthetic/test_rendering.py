"""Rendered scenes: repeatable, labelled where the ink is, and free of digits where they say so."""

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.samplers.synthetic import SyntheticConfig, SyntheticScenes, render_scene, stand_in_set
from training.samplers.synthetic.camera import digit_boxes, photographed, random_view
from training.samplers.synthetic.lines import LineStyle, ink_of, set_line
from training.samplers.synthetic.rendering import SIGNS, render_text
from training.samplers.synthetic.words import decorated, house_number, lone_letters, phrase, telephone

BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = [BUNDLED / name for name in ("DejaVuSans.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneral.ttf")]
PHOTOS = [np.random.default_rng(1).integers(0, 256, (120, 170, 3), np.uint8)]
SEEDS = st.integers(0, 2**32 - 1)


def test_the_same_generator_gives_the_same_scene_whatever_was_made_before():
    scenes = SyntheticScenes(PHOTOS, FONTS)
    first = [scenes.scene(np.random.default_rng(seed)) for seed in range(12)]
    again = [
        SyntheticScenes(PHOTOS, FONTS).scene(np.random.default_rng(seed)) for seed in reversed(range(12))
    ]
    for a, b in zip(first, reversed(again), strict=True):
        assert np.array_equal(a.pixels, b.pixels)
        assert np.array_equal(a.boxes, b.boxes)
        assert np.array_equal(a.labels, b.labels)
    assert not np.array_equal(first[0].pixels, first[1].pixels)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, with_photos=st.booleans())
def test_scenes_keep_to_their_contract(seed, with_photos):
    config = SyntheticConfig()
    scene = render_scene(np.random.default_rng(seed), PHOTOS if with_photos else [], FONTS, config)
    height, width, channels = scene.pixels.shape
    assert scene.pixels.dtype == np.uint8
    assert channels == 3
    assert config.sides[0] <= min(height, width) <= max(height, width) <= config.sides[1]
    assert scene.boxes.dtype == np.float32
    assert scene.boxes.shape == (len(scene.labels), 4)
    assert scene.labels.dtype == np.int32
    assert ((scene.labels >= 0) & (scene.labels <= 9)).all()
    assert (scene.boxes >= 0).all()
    assert (scene.boxes <= (width, height, width, height)).all()
    assert (scene.boxes[:, 2:] - scene.boxes[:, :2] > 1).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    digit=st.sampled_from("0123456789"),
    font=st.sampled_from(FONTS),
    height=st.floats(15, 60),
    squeeze=st.floats(0.6, 1.3),
    slant=st.floats(-0.2, 0.2),
    turn=st.floats(0, 0.1),
    weight=st.floats(0, 0.05),
)
def test_a_box_holds_the_ink_of_its_digit_and_little_more(
    seed, digit, font, height, squeeze, slant, turn, weight
):
    rng = np.random.default_rng(seed)
    style = LineStyle(font, height, squeeze=squeeze, slant=slant, turn=turn, weight=weight)
    line = set_line(digit, style, rng).centred(np.array([100.0, 100.0]))
    ink, region = ink_of([line], (200, 200), 0)
    plane = np.zeros((200, 200, 3), np.uint8)
    plane[region] = (ink * 255).astype(np.uint8)[..., None]
    view = random_view(np.array([200.0, 200.0]), (160, 160), rng, SyntheticConfig())
    boxes, labels, _ = digit_boxes([line], view, (160, 160), rng)
    assert labels.tolist() == [int(digit)]
    seen = photographed(plane, view, (160, 160))[..., 0] > 100
    rows, columns = np.nonzero(seen)
    truth = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    room = (boxes[0] - truth) * (-1, -1, 1, 1)
    tall = truth[3] - truth[1]
    assert room.min() >= -0.015 * tall - 1.2, "ink outside its box"
    assert room[[1, 3]].max() <= 0.06 * tall + 3
    if truth[2] - truth[0] > 0.35 * tall:  # a thin 1 is boxed wider than its ink
        assert room[[0, 2]].max() <= 0.06 * tall + 3


@pytest.mark.slow
def test_lengths_and_digit_free_scenes_follow_their_chances():
    config = SyntheticConfig(words=0.0, digit_free=0.3)
    scenes = [render_scene(np.random.default_rng(seed), [], FONTS, config) for seed in range(300)]
    free = np.mean([len(scene.labels) == 0 for scene in scenes])
    assert free == pytest.approx(0.3, abs=0.09)
    assert np.bincount(np.concatenate([scene.labels for scene in scenes]), minlength=10).min() > 20
    numbers = [house_number(np.random.default_rng(seed), config.lengths) for seed in range(2000)]
    shares = np.bincount([len(number) for number in numbers], minlength=6)[1:] / 2000
    assert shares == pytest.approx(config.lengths, abs=0.04)


@pytest.mark.parametrize("text", ["8", "12A", "007", "N°31", "3-5", "44444", "1/2"])
def test_every_digit_of_a_text_is_labelled_and_nothing_else(text):
    config = SyntheticConfig(words=1.0, telephones=0.0)
    for seed in range(8):
        scene = render_text(text, np.random.default_rng(seed), [], FONTS, config)
        assert scene.labels.tolist() == [int(c) for c in text if c.isdigit()]


def test_digits_of_telephone_numbers_are_labelled():
    config = SyntheticConfig(words=1.0, telephones=1.0, sides=(200, 200), heights=(20.0, 30.0))
    counts = [len(render_text("7", np.random.default_rng(s), [], FONTS, config).labels) for s in range(20)]
    assert max(counts) > 5


@pytest.mark.slow
def test_a_digit_differs_from_what_is_around_it():
    """Not a blank: within nearly every box something is drawn."""
    spreads = []
    for seed in range(150):
        scene = render_scene(np.random.default_rng(seed), [], FONTS)
        for left, top, right, bottom in scene.boxes.astype(int):
            grey = cv2.cvtColor(scene.pixels[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
            spreads.append(float(np.ptp(np.percentile(grey, (5, 95)))))
    assert np.percentile(spreads, 3) > 12
    assert np.median(spreads) > 50


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_words_are_no_numbers(seed):
    rng = np.random.default_rng(seed)
    text, letters = phrase(rng), lone_letters(rng)
    assert not any(c.isdigit() for c in text + letters)
    assert all(len(word) >= 3 for word in text.replace("-", " ").split())
    assert not set(letters) & set("OoIilBSsZzgqGQD"), "a lone letter that could be a digit"
    assert any(c.isdigit() for c in telephone(rng))
    assert "".join(c for c in decorated("31", rng) if c.isdigit()).startswith("31")


@pytest.mark.slow
def test_the_stand_in_set_is_large_repeatable_and_knows_its_numbers():
    pictures = stand_in_set(3, 8, fonts=FONTS)
    again = stand_in_set(3, 8, fonts=FONTS)
    for (scene, number), (same, _) in zip(pictures, again, strict=True):
        assert min(scene.pixels.shape[:2]) >= SIGNS.sides[0]
        assert max(scene.pixels.shape[:2]) <= SIGNS.sides[1]
        assert "".join(map(str, scene.labels)) == number
        assert np.array_equal(scene.pixels, same.pixels)


def test_a_text_too_long_for_any_picture_is_made_to_fit():
    config = replace(SyntheticConfig(), heights=(60.0, 60.0), words=0.0)
    scene = render_text("88888888", np.random.default_rng(0), [], FONTS, config)
    assert scene.labels.tolist() == [8] * 8


def test_a_text_that_a_font_lacks_is_refused():
    with pytest.raises(ValueError, match="none of the characters"):
        set_line("漢字", LineStyle(FONTS[0], 20.0), np.random.default_rng(0))

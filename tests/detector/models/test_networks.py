"""The network: what it says of a window does not depend on the picture around it, nor on who asks and how."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.models.architecture import build_fcn, multiply_adds, multiply_adds_per_pixel
from detector.models.layers import CHANNELS, RECEPTIVE_FIELD, STRIDE
from detector.models.model_files import EMBEDDED, load_model
from detector.models.tensorflow_backend import Fcn
from detector.pipeline import pyramid
from detector.pipeline.score_map import GRID
from detector.pipeline.tiles import Plane, slide

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def fcn() -> Fcn:
    return Fcn(load_model(EMBEDDED)[0].fcn)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_fcn()


@pytest.fixture(scope="module")
def street(real_images: dict[str, Path]) -> Picture:
    """A real picture, enlarged as the pyramid does it: 392 x 760 px."""
    return next(pyramid.levels(decode_image(real_images["68"].read_bytes()), 4, 4)).pixels


def noise(height: int, width: int, seed: int = 0) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def windows_at(picture: Picture, cells: NDArray[np.intp]) -> Picture:
    return np.stack([picture[y : y + RECEPTIVE_FIELD, x : x + RECEPTIVE_FIELD] for y, x in STRIDE * cells])


@pytest.mark.parametrize("kind", ["real picture", "noise"])
def test_a_window_scores_the_same_within_a_picture_and_alone(fcn: Fcn, street: Picture, kind: str) -> None:
    """The keystone: the classifier that is measured on crops is the detector."""
    picture = street if kind == "real picture" else noise(203, 265)  # no multiples of the stride
    score_map = fcn(picture[None])[0]
    rows, columns = score_map.shape[:2]
    chosen = np.random.default_rng(1).integers(0, (rows, columns), (300, 2))
    corners = np.array([(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)])
    cells = np.concatenate([corners, chosen])
    alone = fcn(windows_at(picture, cells))
    assert alone.shape == (len(cells), 1, 1, CHANNELS)
    np.testing.assert_allclose(score_map[cells[:, 0], cells[:, 1]], alone[:, 0, 0], rtol=0, atol=1e-4)
    assert np.ptp(alone[..., 0]) > 1, "the windows differ, so that equality says something"


def test_a_window_reaches_from_its_first_to_its_last_pixel(fcn: Fcn) -> None:
    """The field is the whole window and no more: each of its corner pixels counts, its neighbours do not."""
    picture = noise(RECEPTIVE_FIELD + 2 * STRIDE, RECEPTIVE_FIELD + 2 * STRIDE)
    before = fcn(picture[None])[0, 1, 1]
    for y in (STRIDE, STRIDE + RECEPTIVE_FIELD - 1):
        for x in (STRIDE, STRIDE + RECEPTIVE_FIELD - 1):
            changed = picture.copy()
            changed[y, x] = 255 - changed[y, x]
            assert (fcn(changed[None])[0, 1, 1] != before).any(), (
                f"pixel ({y}, {x}) of the window is not seen"
            )
    around = 255 - picture
    around[STRIDE : STRIDE + RECEPTIVE_FIELD, STRIDE : STRIDE + RECEPTIVE_FIELD] = picture[
        STRIDE:-STRIDE, STRIDE:-STRIDE
    ]
    np.testing.assert_allclose(fcn(around[None])[0, 1, 1], before, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        pytest.param(32, 32, 1, 1, id="one window"),
        pytest.param(35, 35, 1, 1, id="three more px hold no second one"),
        pytest.param(36, 35, 2, 1, id="four do"),
        pytest.param(39, 63, 2, 8, id="odd sizes"),
        pytest.param(32, 1000, 1, 243, id="a strip"),
    ],
)
def test_size_of_the_score_map(fcn: Fcn, height: int, width: int, rows: int, columns: int) -> None:
    score_map = fcn(noise(height, width)[None])
    assert (score_map.shape, score_map.dtype) == ((1, rows, columns, CHANNELS), np.float32)


def test_tiles_together_are_the_untiled_level(fcn: Fcn, street: Picture) -> None:
    rows, columns = GRID.shape(*street.shape[:2])
    framed = np.pad(street, ((GRID.border, GRID.border), (GRID.border, GRID.border), (0, 0)), mode="edge")
    expected = fcn(framed[None])[0]
    assert expected.shape[:2] == (rows, columns)
    found = np.full_like(expected, np.nan)
    level = pyramid.Level(street, street.shape[:2], (1.0, 1.0))
    for hits in slide(fcn, [Plane(level, np.ones((rows, columns), bool))], GRID, -np.inf):
        found[hits.rows, hits.columns] = hits.outputs
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)  # and none is missing: NaN equals nothing


def test_freezing_changes_nothing(fcn: Fcn, model: keras.Model, street: Picture) -> None:
    """What runs in the detector, batch normalisations folded, is the network that was trained."""
    model.set_weights(load_model(EMBEDDED)[0].fcn)
    trained = np.asarray(model(street[None].astype(np.float32), training=False))
    np.testing.assert_allclose(fcn(street[None]), trained, rtol=0, atol=1e-4)


def test_at_most_a_million_parameters(fcn: Fcn, model: keras.Model) -> None:
    assert fcn.parameter_count == sum(int(np.prod(array.shape)) for array in model.get_weights())
    assert fcn.parameter_count <= 1_000_000


def test_at_most_20000_multiply_adds_per_pixel(model: keras.Model) -> None:
    for layer in model.layers:
        if layer.weights:
            assert isinstance(layer, keras.layers.Conv2D | keras.layers.BatchNormalization), (
                f"{layer.name} may multiply too, and nobody counts it"
            )
    assert multiply_adds_per_pixel(model) <= 20_000
    side = 8192
    assert multiply_adds(model, side, side) / side**2 == pytest.approx(
        multiply_adds_per_pixel(model), rel=0.01
    )


def test_multiply_adds_of_one_window_counted_by_hand(model: keras.Model) -> None:
    """Outputs times weights of each convolution, the sizes of the maps worked out on paper."""
    layers = [
        (15, 4 * 4 * 3 * 24),  # 32 -> 15
        (13, 3 * 3 * 24 * 32),
        (11, 3 * 3 * 32 * 40),
        (5, 3 * 3 * 40 * 96),  # stride 2
        (5, 96 * 96),
        (3, 3 * 3 * 96 * 96),
        (3, 96 * 96),
        (1, 3 * 3 * 96 * 96),
        (1, 96 * 192),
        (1, 192 * 15),
    ]
    assert multiply_adds(model, RECEPTIVE_FIELD, RECEPTIVE_FIELD) == sum(
        side**2 * weights for side, weights in layers
    )


def test_40_shapes_make_one_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted twice: by TensorFlow, and by how often the network's Python code runs."""
    functions: list[Any] = []
    runs = 0
    tf_function, convolve = tf.function, keras.layers.Conv2D.call

    def spied_function(*args: Any, **kwargs: Any) -> Any:
        def decorate(call: Any) -> Any:
            functions.append(tf_function(*args, **kwargs)(call))
            return functions[-1]

        return decorate

    def counted_convolve(self: Any, inputs: Any) -> Any:
        nonlocal runs
        runs += 1
        return convolve(self, inputs)

    monkeypatch.setattr(tf, "function", spied_function)
    monkeypatch.setattr(keras.layers.Conv2D, "call", counted_convolve)
    fcn = Fcn(load_model(EMBEDDED)[0].fcn)
    after_loading = runs
    assert after_loading > 0
    for i in range(40):
        fcn(noise(32 + i, 90 - i)[None])
    fcn(np.stack([noise(32, 32, seed) for seed in range(3)]))
    assert sum(function.experimental_get_tracing_count() for function in functions) == 1
    assert runs == after_loading


def test_eight_threads_get_the_serial_results(fcn: Fcn) -> None:
    pictures = [noise(40 + 7 * i, 120 - 5 * i, seed=i)[None] for i in range(16)]
    serial = [fcn(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(fcn, pictures * 3))
    for i, result in enumerate(threaded):
        np.testing.assert_array_equal(result, serial[i % len(pictures)])


def test_weights_that_do_not_fit_are_refused(model: keras.Model) -> None:
    arrays = model.get_weights()
    with pytest.raises(ValueError, match="weight"):
        Fcn(arrays[:-1])
    with pytest.raises(ValueError, match="shape"):
        Fcn([arrays[0][..., :-1], *arrays[1:]])

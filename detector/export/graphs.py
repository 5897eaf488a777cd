"""The networks as graphs that explain themselves: named input and outputs, and the score map decoded."""

import tensorflow as tf

from detector.fcn import Fcn, SecondLook
from detector.score_map import EDGE_UNIT, MAX_LOG_EDGE, STRIDE


def decoding_graph(
    network: Fcn | SecondLook, window: int, side: int | None
) -> tf.types.experimental.PolymorphicFunction:
    """What the network says of images, as it says it and decoded as `detector.score_map.read_windows` does it.

    Args:
        network: with its weights, which become constants.
        window: the side of the window that it answers for, px.
        side: of the images, px; None for any height and width.

    Returns:
        A function of `images`, (B, H, W, 3) uint8 RGB, with a dictionary of float32 arrays as its result:
        `score_map` (B, H', W', 15), `boxes` (B, H', W', 4) xyxy px of the image, maxima exclusive, and
        `class_scores` (B, H', W', 10).
    """

    @tf.function(input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        score_map = network.graph(images)[0]
        return {
            "score_map": score_map,
            "boxes": _boxes(score_map, window),
            "class_scores": tf.sigmoid(score_map[..., :1]) * tf.nn.softmax(score_map[..., 1:11]),
        }

    return call


def _boxes(score_map: tf.Tensor, window: int) -> tf.Tensor:
    edges = EDGE_UNIT * tf.exp(tf.minimum(score_map[..., 11:], MAX_LOG_EDGE))
    rows, columns = (tf.range(tf.shape(score_map)[axis]) for axis in (1, 2))
    y = tf.cast(rows * STRIDE, tf.float32)[:, None] + window / 2
    x = tf.cast(columns * STRIDE, tf.float32) + window / 2
    return tf.stack([x - edges[..., 0], y - edges[..., 1], x + edges[..., 2], y + edges[..., 3]], axis=-1)

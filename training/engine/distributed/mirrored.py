"""One of several processes that train together, each on its share of every batch, by TensorFlow's collectives.

Every worker holds the whole network and optimiser. In a step it computes the part that its share has in the batch's
loss; the gradients of all shares are added up (`tf.distribute.MultiWorkerMirroredStrategy`'s all-reduce, the way of
Horovod, Sergeev and Del Balso 2018) before the optimiser clips and applies them, which each worker does for itself.
Batch normalisations use the means and variances of the whole batch, as one worker does: they are synchronised while
training, and the network that is saved is the same. So the number of workers changes nothing but rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf

from detector.results.detections import FloatArray
from training.engine.distributed.workers import Bar, Step
from training.engine.optimization import loss_of_share, normalizers

MakeBar = Callable[[int, int, str], Bar]


def use_threads(count: int) -> None:
    """Make TensorFlow compute in so many threads; only before it computes anything."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


class Mirrored:
    """One of the workers that the environment variable `TF_CONFIG` names; worker 0 is the chief.

    Args:
        bar: makes the chief's progress bar.
    """

    def __init__(self, bar: MakeBar) -> None:
        tf.get_logger().setLevel("WARNING")  # a line for each of hundreds of collectives helps no user
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        self._rank = self._strategy.cluster_resolver.task_id
        self._count = self._strategy.num_replicas_in_sync
        self.bar = bar

    @property
    def is_chief(self) -> bool:
        """Return whether this is worker 0."""
        return bool(self._rank == 0)

    def share(self, size: int) -> slice:
        """Return this worker's share of a batch; shares differ by one image at most."""
        return slice(self._rank * size // self._count, (self._rank + 1) * size // self._count)

    def broadcast_variables(self, model: keras.Model) -> None:
        """Give every worker the chief's weights and optimiser."""
        variables = [*model.weights, *model.optimizer.variables]
        for variable, value in zip(variables, self._chiefs(variables), strict=True):
            variable.assign(value)

    def step_of(self, model: keras.Model) -> Step:
        """Return a step that trains the model on this worker's share of a batch, together with the others."""
        _synchronise(model)

        @tf.function  # type: ignore[untyped-decorator]
        def step(images: tf.Tensor, targets: tf.Tensor, divisors: tf.Tensor) -> tf.Tensor:
            loss, *gradients = self._strategy.run(_summed_gradients, args=(model, images, targets, divisors))
            model.optimizer.apply(gradients, model.trainable_variables)
            return loss

        def train(images: FloatArray, targets: FloatArray) -> float:
            own = self.share(len(images))
            return float(step(images[own], targets[own], normalizers(targets)))

        return train

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """Let the chief do what is within before the others begin."""
        if not self.is_chief:
            self._wait_for_all()
        yield
        if self.is_chief:
            self._wait_for_all()

    def _wait_for_all(self) -> None:
        self._chiefs([tf.zeros(())])

    @tf.function  # type: ignore[untyped-decorator]
    def _chiefs(self, variables: Sequence[keras.Variable | tf.Tensor]) -> list[tf.Tensor]:
        """Return the chief's variables: the sum, to which the others add nothing."""

        def sent() -> list[tf.Tensor]:
            send = (
                tf.identity if self.is_chief else tf.zeros_like
            )  # either has a device, which a variable has not
            return [_all_reduce([send(tf.convert_to_tensor(variable))])[0] for variable in variables]

        return list(self._strategy.run(sent))


def _summed_gradients(
    model: keras.Model, images: tf.Tensor, targets: tf.Tensor, divisors: tf.Tensor
) -> list[tf.Tensor]:
    """Return the whole batch's loss and gradients, from this worker's share of it."""
    with tf.GradientTape() as tape:
        loss = loss_of_share(targets, model(images, training=True), divisors)
    return _all_reduce([loss, *tape.gradient(loss, model.trainable_variables)])


def _all_reduce(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    context = tf.distribute.get_replica_context()
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, list(values)))


def _synchronise(model: keras.Model) -> None:
    """Make batch normalisations use the statistics of all workers' shares while training."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True

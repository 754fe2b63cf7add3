"""Adam in one pass over memory."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf


def inner_of(optimizer: Any) -> Any:
    """Returns the optimizer that a `LossScaleOptimizer` holds, or what is no such as it is."""
    return getattr(optimizer, "inner_optimizer", optimizer)


@contextlib.contextmanager
def in_one_pass(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Within it, Keras's Adam, and what updates as it does, changes a weight by one operation.

    Keras composes the update (Kingma & Ba 2015, end of section 2) of a dozen operations, each of
    which passes over the memory of a large weight or its moments. TensorFlow has one for all. What
    all weights have in common, Keras computes for each: here once, on one replica.

    Args:
        optimizer: any; others than Adam stay as they are.
    """
    adam = inner_of(optimizer)
    updates_as_adam = type(adam).update_step is keras.optimizers.Adam.update_step
    if not updates_as_adam or adam.amsgrad:
        yield
        return
    rate, step = adam._get_current_learning_rate, _once(lambda: adam.iterations + 1)

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        _update(adam, step(), gradient, variable, learning_rate)

    adam.update_step, adam._get_current_learning_rate = update_step, _once(rate)
    try:
        yield
    finally:
        del adam.update_step, adam._get_current_learning_rate


def _once(compute: Callable[[], Any]) -> Callable[[], Any]:
    """Returns a function that computes once in each graph; of several replicas each for itself."""
    found: dict[Any, Any] = {}

    def computed() -> Any:
        if tf.executing_eagerly() or tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return compute()
        graph = tf.compat.v1.get_default_graph()
        if graph not in found:
            found[graph] = tf.convert_to_tensor(compute())
        return found[graph]

    return computed


def _update(adam: Any, step: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """What `Adam.update_step` does, for the number of the update."""
    index, dtype = adam._get_variable_index(variable), variable.dtype
    step = tf.cast(step, dtype)
    beta_1, beta_2 = tf.cast(adam.beta_1, dtype), tf.cast(adam.beta_2, dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=adam._momentums[index].value.handle,
        v=adam._velocities[index].value.handle,
        beta1_power=beta_1**step,
        beta2_power=beta_2**step,
        lr=tf.cast(learning_rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(adam.epsilon, dtype),
        grad=tf.cast(gradient, dtype),
    )

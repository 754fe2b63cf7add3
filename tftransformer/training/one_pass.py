"""Adam in one pass over memory."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


@contextlib.contextmanager
def in_one_pass(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Within it, Keras's Adam, and what updates as it does, changes a weight by one operation.

    Keras composes the update (Kingma & Ba 2015, end of section 2) of a dozen operations, each of
    which passes over the memory of a large weight or its moments. TensorFlow has one for all.

    Args:
        optimizer: any; others than Adam stay as they are.
    """
    adam = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    updates_as_adam = type(adam).update_step is keras.optimizers.Adam.update_step
    if not updates_as_adam or adam.amsgrad:
        yield
        return
    adam.update_step = functools.partial(_update, adam)
    try:
        yield
    finally:
        del adam.update_step


def _update(adam: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """What `Adam.update_step` does."""
    index, dtype = adam._get_variable_index(variable), variable.dtype
    step = tf.cast(adam.iterations + 1, dtype)
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

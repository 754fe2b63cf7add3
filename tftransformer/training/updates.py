"""How an optimizer's update of a variable is changed, whatever the optimizer."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.training.one_pass import in_one_pass, inner_of


@contextlib.contextmanager
def updating(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    scale_of: Callable[[keras.Variable], float],
) -> Iterator[None]:
    """Within it, what an optimizer adds to a variable is multiplied by the variable's own factor.

    Keras's optimizers multiply what they add by the learning rate, in `update_step` and in the
    weight decay before it, so that each variable can have a rate of its own.

    Args:
        optimizer: any; Adam's updates are made in one pass besides.
        variables: what it updates.
        scale_of: tells the factor of a variable.
    """
    inner = inner_of(optimizer)
    scales = {inner._var_key(variable): float(scale_of(variable)) for variable in variables}
    with in_one_pass(optimizer):
        if set(scales.values()) <= {1.0}:
            yield
            return
        plain, own = inner.update_step, vars(inner).get("update_step")

        def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
            scale = scales[inner._var_key(variable)]
            if scale != 1.0:
                _scale_decay(inner, variable, scale)
                learning_rate = tf.cast(learning_rate, "float32") * scale
            plain(gradient, variable, learning_rate)

        inner.update_step = update_step
        try:
            yield
        finally:
            del inner.update_step
            if own is not None:
                inner.update_step = own


@contextlib.contextmanager
def lent(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Within it, a model has the optimizer that callbacks look for."""
    before = getattr(model, "optimizer", None)
    model.optimizer = optimizer
    try:
        yield
    finally:
        model.optimizer = before


def _scale_decay(optimizer: keras.optimizers.Optimizer, variable: Any, scale: float) -> None:
    """Makes of the weight decay that a variable has just had a part of it."""
    if optimizer.weight_decay is None or not optimizer._use_weight_decay(variable):
        return
    decay = tf.cast(optimizer.learning_rate, "float32") * optimizer.weight_decay
    factor = (1.0 - scale * decay) / (1.0 - decay)
    variable.assign(variable * tf.cast(factor, variable.dtype))


def write_averages(optimizer: keras.optimizers.Optimizer) -> None:
    """Sets the trained variables to their moving averages, if the optimizer keeps some."""
    for variable, average in _averages(optimizer):
        variable.assign(average.value)


def _averages(optimizer: keras.optimizers.Optimizer) -> list[tuple]:
    """Variables and their averages; what is frozen stays, of which an average rounds otherwise."""
    inner = inner_of(optimizer)
    if not inner.use_ema:
        return []
    pairs = zip(inner._trainable_variables, inner._model_variables_moving_average, strict=True)
    return [(own, average) for own, average in pairs if average is not None and own.trainable]


@contextlib.contextmanager
def averaged(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Within it, the variables hold their moving averages, if the optimizer keeps some."""
    trained = [(variable, variable.numpy()) for variable, _ in _averages(optimizer)]
    write_averages(optimizer)
    try:
        yield
    finally:
        for variable, value in trained:
            variable.assign(value)

"""The form in which a served model has its weights."""

import contextlib
from typing import Any

import keras
import tensorflow as tf


class Weights:
    """The weights of a model as they are.

    Args:
        model: the model.

    Attributes:
        model: what computes with these weights.
        tracked: what a SavedModel has to contain for them.
    """

    def __init__(self, model: Any):
        self.model = model
        self.tracked = [variable.value for variable in model.weights]

    def read(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Returns each variable of the model with its value."""
        return [(weight, tf.convert_to_tensor(weight.value)) for weight in self.model.weights]

    def scope(self) -> contextlib.AbstractContextManager:
        """Within it the model computes with what `read` returned when it was entered."""
        return keras.StatelessScope(self.read())

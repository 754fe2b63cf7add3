"""The tensors that go from batch to batch, as variables that a checkpoint holds."""

from typing import Any

import tensorflow as tf

from tftransformer.training.hooks import Carry

# A structure without a tensor.
NOTHING: tuple = ()


class Carried:
    """What a `Carry` has taken of the last batch.

    Args:
        carry: the hook.
        outputs: outputs of the model for some rows, which tell the kind of what is carried.

    Attributes:
        variables: hold the tensors, rows first; no rows where nothing is carried.
        spec: spec of the tensors, whose axes are open but for the last one.
    """

    def __init__(self, carry: Carry, outputs: Any):
        self.carry = carry
        self._sample = carry.take(outputs)
        self.spec = tf.nest.map_structure(_open_spec, self._sample)
        self.variables = [
            tf.Variable(tensor[:0], shape=spec.shape, trainable=False)
            for tensor, spec in zip(*map(tf.nest.flatten, (self._sample, self.spec)), strict=True)
        ]

    def forget(self) -> None:
        """Carries nothing to the next batch."""
        self.keep(tf.nest.map_structure(lambda tensor: tensor[:0], self._sample))

    def given(self, batch: tuple) -> tuple[Any, Any]:
        """Returns the tensors for a batch and their spec, `NOTHING` where it has other rows."""
        tensors = [variable.read_value() for variable in self.variables]
        if any(len(tensor) != len(tf.nest.flatten(batch)[0]) for tensor in tensors):
            return NOTHING, NOTHING
        return tf.nest.pack_sequence_as(self._sample, tensors), self.spec

    def keep(self, tensors: Any) -> None:
        """Carries these tensors to the next batch."""
        for variable, tensor in zip(self.variables, tf.nest.flatten(tensors), strict=True):
            variable.assign(tensor)


def _open_spec(tensor: tf.Tensor) -> tf.TensorSpec:
    shape = [None] * (tensor.shape.rank - 1) + [tensor.shape[-1] if tensor.shape.rank > 1 else None]
    return tf.TensorSpec(shape, tensor.dtype)

"""Weights that are stored as 8-bit integers."""

import hashlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.serving.weights import Weights


class Int8Storage(Weights):
    """Matrices that are int8 on disk and are converted to floats once, when the model is loaded.

    Each row of a matrix is rounded to 255 steps between minus and plus its largest number; vectors
    are kept as they are. It computes as fast as the original model.

    Args:
        model: the model.
    """

    def __init__(self, model: Any):
        super().__init__(model)
        self.matrices = QuantizedMatrices([v for v in model.weights if len(v.shape) == 2])
        # A resource does not track what it is made from.
        self.tracked = [*self.matrices.codes, *self.matrices.scales]
        self.tracked += [variable.value for variable in model.weights if len(variable.shape) != 2]
        self.tracked.append(self.matrices)

    def read(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        rounded = iter(self.matrices.read())
        return [
            (w, next(rounded) if len(w.shape) == 2 else tf.convert_to_tensor(w.value))
            for w in self.model.weights
        ]


class QuantizedMatrices(tf.saved_model.experimental.TrackableResource):
    """Matrices saved as int8 with a scale for each row, and restored from these on loading.

    They share one resource, since each resource takes some time to load.

    Args:
        variables: what they hold.
    """

    def __init__(self, variables: Sequence[keras.Variable]):
        super().__init__()
        self.codes, self.scales, self.made = [], [], []
        for variable in variables:
            codes, scales = quantize(tf.cast(variable.value, tf.float32))
            self.codes.append(tf.Variable(codes))
            self.scales.append(tf.Variable(scales))
            # Variables of one name are one variable, whichever SavedModel they come from.
            digest = hashlib.sha256(codes.numpy().tobytes() + scales.numpy().tobytes())
            dtype, shape = tf.as_dtype(variable.dtype), codes.shape
            name = f"quantized_{dtype.name}_{'x'.join(map(str, shape))}_{digest.hexdigest()}"
            self.made.append({"dtype": dtype, "shape": shape, "shared_name": name})
        self._initialize()

    def _create_resource(self) -> Any:
        return tf.raw_ops.VarHandleOp(**self.made[0])

    def _initialize(self) -> None:
        for made, codes, scales in zip(self.made, self.codes, self.scales, strict=True):
            matrix = tf.cast(tf.cast(codes, tf.float32) * scales, made["dtype"])
            tf.raw_ops.AssignVariableOp(resource=tf.raw_ops.VarHandleOp(**made), value=matrix)

    def read(self) -> list[tf.Tensor]:
        """Returns the rounded matrices."""
        found = []
        for made in self.made:
            handle = tf.raw_ops.VarHandleOp(**made)
            found.append(tf.raw_ops.ReadVariableOp(resource=handle, dtype=made["dtype"]))
            found[-1].set_shape(made["shape"])
        return found


def quantize(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns rows as int8 (rows, width) and the factors that undo it, float32 (rows, 1)."""
    scales = tf.reduce_max(tf.abs(rows), axis=-1, keepdims=True) / 127
    return tf.cast(tf.round(tf.math.divide_no_nan(rows, scales)), tf.int8), scales

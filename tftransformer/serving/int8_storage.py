"""Weights that are stored as integers of 8 bits."""

import hashlib
from typing import Any

import keras
import tensorflow as tf

from tftransformer.serving.weights import Weights


class Int8Storage(Weights):
    """Matrices of 8 bits on the disk, which become floats once, when the model is loaded.

    Each row of a matrix is rounded to 255 steps between minus and plus its largest number; vectors
    stay as they are. It computes as fast as the model.

    Args:
        model: the model.
    """

    def __init__(self, model: Any):
        super().__init__(model)
        self.matrices = [QuantizedMatrix(v) for v in model.weights if len(v.shape) == 2]
        # A resource does not track what it is made from.
        self.tracked = [part for matrix in self.matrices for part in (matrix.codes, matrix.scales)]
        self.tracked += [variable.value for variable in model.weights if len(variable.shape) != 2]
        self.tracked += self.matrices

    def read(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        rounded = iter(self.matrices)
        return [
            (w, next(rounded).read() if len(w.shape) == 2 else tf.convert_to_tensor(w.value))
            for w in self.model.weights
        ]


class QuantizedMatrix(tf.saved_model.experimental.TrackableResource):
    """A matrix that is saved as int8 and one scale for each row, and computed from when loaded.

    Args:
        variable: what it holds.
    """

    def __init__(self, variable: keras.Variable):
        super().__init__()
        matrix = tf.cast(variable.value, tf.float32)
        codes, scales = quantize(matrix)
        self.scales, self.codes = tf.Variable(scales), tf.Variable(codes)
        self.dtype, self.shape = tf.as_dtype(variable.dtype), matrix.shape
        # Resources of one name are one resource, whichever SavedModel they come from.
        digest = hashlib.sha256(codes.numpy().tobytes() + scales.numpy().tobytes())
        shape = "x".join(map(str, matrix.shape))
        self.name = f"quantized_{self.dtype.name}_{shape}_{digest.hexdigest()}"
        self._initialize()

    def _create_resource(self) -> Any:
        return tf.raw_ops.VarHandleOp(dtype=self.dtype, shape=self.shape, shared_name=self.name)

    def _initialize(self) -> None:
        matrix = tf.cast(self.codes, tf.float32) * self.scales
        tf.raw_ops.AssignVariableOp(
            resource=self.resource_handle, value=tf.cast(matrix, self.dtype)
        )

    def read(self) -> tf.Tensor:
        """Returns the rounded matrix."""
        matrix = tf.raw_ops.ReadVariableOp(resource=self.resource_handle, dtype=self.dtype)
        matrix.set_shape(self.shape)
        return matrix


def quantize(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns rows as int8 (rows, width) and the factors that undo it, float32 (rows, 1)."""
    scales = tf.reduce_max(tf.abs(rows), axis=-1, keepdims=True) / 127
    return tf.cast(tf.round(tf.math.divide_no_nan(rows, scales)), tf.int8), scales

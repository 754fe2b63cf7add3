"""Weights that are multiplied as 8-bit integers."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tftransformer.heads import LanguageModelHead
from tftransformer.layers.projection import Projection
from tftransformer.serving.int8_storage import quantize
from tftransformer.serving.precision import in_precision
from tftransformer.serving.weights import Weights


class Int8Products(Weights):
    """Large matrices as int8, multiplied as int8.

    They are those of dense layers, embedding tables and the language model head, in a copy of the
    model; everything else stays float32.

    Args:
        model: the model.
    """

    def __init__(self, model: Any):
        copy = in_precision(model, "float32")
        matrices = multiply_int8(copy)
        self.model = copy
        self.tracked = [v.value for v in copy.weights if id(v) not in matrices]
        self.tracked += [part for m in matrices.values() for part in (m.codes, m.scales)]


class Int8Matrix:
    """A matrix as int8, with a scale for each row: 127 steps to its largest number.

    Args:
        rows: float tensor (rows, width).
    """

    def __init__(self, rows: tf.Tensor):
        codes, scales = quantize(tf.convert_to_tensor(rows))
        self.codes, self.scales = tf.Variable(codes), tf.Variable(scales[:, 0])

    def look_up(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the rows of some ids, float32 (…, width)."""
        codes, scales = tf.gather(self.codes, ids), tf.gather(self.scales, ids)
        return tf.cast(codes, tf.float32) * scales[..., None]

    def multiply(self, x: tf.Tensor) -> tf.Tensor:
        """Multiplies each vector of x (…, width), rounded likewise, by each row: (…, rows)."""
        *batch, width = keras.ops.shape(x)
        codes, scales = quantize(tf.reshape(x, [-1, width]))
        count = tf.shape(codes)[0]
        # XLA multiplies one row of int8 at half of the speed of two.
        codes = tf.pad(codes, [[0, tf.maximum(2 - count, 0)], [0, 0]])
        products = tf.raw_ops.BatchMatMulV3(x=codes, y=self.codes, Tout=tf.int32, adj_y=True)
        products = tf.cast(products[:count], tf.float32) * (scales * self.scales)
        return tf.reshape(products, [*batch, self.codes.shape[0]])


def multiply_int8(model: Any) -> dict[int, Int8Matrix]:
    """Makes the layers of a model multiply int8; returns the matrices by id of their variable."""
    matrices: dict[int, Int8Matrix] = {}

    def matrix(variable: Any, transposed: bool = False) -> Int8Matrix:
        if id(variable) not in matrices:
            rows = tf.transpose(variable.value) if transposed else variable.value
            matrices[id(variable)] = Int8Matrix(rows)
        return matrices[id(variable)]

    # A pooler that no head asks for has no weights.
    for layer in (layer for layer in model._flatten_layers() if layer.built):
        if type(layer) in (keras.layers.Dense, Projection):
            layer.call = functools.partial(dense, layer, matrix(layer.kernel, transposed=True))
        elif type(layer) is keras.layers.Embedding:
            layer.call = matrix(layer.embeddings).look_up
        elif type(layer) is LanguageModelHead:
            table = layer.kernel if layer.tied_to is None else layer.tied_to.embeddings
            layer.call = functools.partial(logits, layer, matrix(table))  # type: ignore[method-assign]
    return matrices


def dense(
    layer: keras.layers.Dense, kernel: Int8Matrix, x: tf.Tensor, training: bool | None = None
) -> tf.Tensor:
    """Computes a dense layer."""
    products = kernel.multiply(x)
    return layer.activation(products if layer.bias is None else products + layer.bias)


def logits(
    head: LanguageModelHead, table: Int8Matrix, hidden: tf.Tensor, *args: Any, **options: Any
) -> tf.Tensor:
    """Computes the head of a language model from hidden states."""
    return head.finished(table.multiply(hidden * head.scale))

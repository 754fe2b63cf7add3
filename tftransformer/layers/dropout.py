"""Dropout."""

import math
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.core.compiling import as_bytes


@register
class Dropout(keras.layers.Dropout):
    """Dropout (Srivastava et al. 2014) that needs a quarter of the random numbers of Keras's.

    Each 32-bit random word decides about four values, so the rate is rounded to a multiple of
    1/256; what is kept is scaled by the inverse of the rounded probability, so that the expectation
    is exact. It multiplies by the mask rather than selecting, so that the gradient is a single
    product.
    """

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Drops values of a float tensor of any shape while training."""
        if not training or self.rate in (0, 1) or self.noise_shape is not None:
            return super().call(inputs, training=training)
        return inputs * kept(ops.shape(inputs), self.rate, self.seed_generator, inputs.dtype)


class Drawn(keras.random.SeedGenerator):
    """A seed that was already drawn, int tensor (2,): each draw with it is the same."""

    def __init__(self, seed: Any):
        self.seed = seed

    def next(self, ordered: bool = True) -> Any:
        return self.seed


def kept(shape: Any, rate: float, seed: keras.random.SeedGenerator, dtype: Any) -> Any:
    """Returns the factors of dropout: 0 for what is dropped, the scale for what is kept.

    Args:
        shape: shape of the result.
        rate: share to drop, in (0, 1); it is rounded.
        seed: seed of the draw.
        dtype: dtype of the result, floats.
    """
    dropped = min(max(round(rate * 256), 1), 255)
    size = math.prod(shape)
    words = keras.random.randint(((size + 3) // 4,), -(2**31), 2**31 - 1, dtype="int32", seed=seed)
    numbers = ops.reshape(as_bytes(words), (-1,))[:size]
    keep = ops.cast(numbers >= ops.cast(dropped - 128, "int8"), dtype)
    return ops.reshape(keep * (256 / (256 - dropped)), shape)

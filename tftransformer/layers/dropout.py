"""Dropout."""

import math
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.core.compiling import as_bytes


@register
class Dropout(keras.layers.Dropout):
    """Dropout (Srivastava et al. 2014) that draws a quarter of the random numbers of Keras's.

    Each 32-bit random word decides about four values, so the rate is rounded to a multiple of
    1/256; what stays is scaled by the inverse of the rounded probability, so that the expectation
    is exact. A product with the mask takes the place of a selection: its gradient is one product.
    """

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Drops values of a float tensor of any shape while training."""
        if not training or self.rate in (0, 1) or self.noise_shape is not None:
            return super().call(inputs, training=training)
        dropped = min(max(round(self.rate * 256), 1), 255)
        shape = ops.shape(inputs)
        size = math.prod(shape)
        words = keras.random.randint(
            ((size + 3) // 4,), -(2**31), 2**31 - 1, dtype="int32", seed=self.seed_generator
        )
        numbers = ops.reshape(as_bytes(words), (-1,))[:size]
        keep = ops.cast(numbers >= ops.cast(dropped - 128, "int8"), inputs.dtype)
        return inputs * ops.reshape(keep * (256 / (256 - dropped)), shape)

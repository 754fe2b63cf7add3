"""LearnedPositions."""

from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, checked_ids, register


@register
class LearnedPositions(Layer):
    """One trained vector for each position (Gehring et al. 2017; BERT, GPT).

    Args:
        d_model: width of the vectors.
        max_length: number of positions; a position beyond them has no vector, so a longer
            input is refused where its length is known.
        offset: added to each position before the lookup (RoBERTa starts after its padding id).
        initializer: of the table.
    """

    def __init__(
        self,
        d_model: int,
        max_length: int,
        offset: int = 0,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(f"there is 1 position or more, not max_length={max_length}")
        self.d_model, self.max_length, self.offset = d_model, max_length, offset
        self.table = keras.layers.Embedding(
            max_length + offset,
            d_model,
            embeddings_initializer=initializer,
            dtype=self.dtype_policy,
            name="table",
        )

    def build(self, positions_shape):
        self.table.build(positions_shape)

    def call(self, positions):
        """Looks positions up: int (length,) or (batch, length) → float (..., length, d_model)."""
        length = positions.shape[-1]
        if length is not None and length > self.max_length:
            raise ValueError(
                f"the input has {length} positions and the table {self.max_length}: shorten the "
                f"input, or build the model with max_length={length} or more."
            )
        rows = ops.convert_to_tensor(positions) + self.offset
        return self.table(checked_ids(rows, self.max_length + self.offset))

    def compute_output_shape(self, positions_shape):
        return (*positions_shape, self.d_model)

"""LearnedPositions."""

from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, checked_ids, fresh, register


class _FixedEmbedding(keras.layers.Embedding):
    """A table that stays as it is: who unfreezes a model sets `trainable` of each layer in it."""

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        return super().add_weight(*args, **{**kwargs, "trainable": False})


@register
class LearnedPositions(Layer):
    """One trained vector for each position (Gehring et al. 2017; BERT, GPT).

    Args:
        d_model: width of the vectors.
        num_positions: number of positions; a longer input raises an error where its length is
            known.
        offset: added to each position before the lookup (RoBERTa starts after its padding id).
        initializer: initializer of the table.
        trained: whether training may change the table; False keeps it fixed even in a trainable
            layer.
    """

    def __init__(
        self,
        d_model: int,
        num_positions: int,
        *,
        offset: int = 0,
        initializer: Any = "glorot_uniform",
        trained: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.trained = trained
        if num_positions < 1:
            raise ValueError(f"there is 1 position or more, not num_positions={num_positions}")
        self.d_model, self.num_positions, self.offset = d_model, num_positions, offset
        table = keras.layers.Embedding if trained else _FixedEmbedding
        self.table = table(
            num_positions + offset,
            d_model,
            embeddings_initializer=fresh(initializer),
            dtype=self.dtype_policy,
            name="table",
        )

    def build(self, positions_shape: Any) -> None:
        self.table.build(positions_shape)

    def call(self, positions: Any) -> Any:
        """Looks positions up: int (length,) or (batch, length) → float (..., length, d_model)."""
        length = positions.shape[-1]
        if length is not None and length > self.num_positions:
            raise ValueError(
                f"the input has {length} positions and the table {self.num_positions}: shorten the "
                f"input, or build the model with num_positions={length} or more."
            )
        rows = ops.convert_to_tensor(positions) + self.offset
        return self.table(checked_ids(rows, self.num_positions + self.offset))

    def compute_output_shape(self, positions_shape: Any) -> tuple[int | None, ...]:
        return (*positions_shape, self.d_model)

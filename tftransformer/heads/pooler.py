"""Pooler."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, get_activation, register

COLUMNS = ("first", "last", "last_token", "given")


def last_true(mask: Any) -> Any:
    """The column of the last True of each row, 0 where there is none: int32 (batch,)."""
    columns = ops.arange(ops.shape(mask)[1])
    return ops.max(ops.where(mask, columns, 0), axis=1)


@register
class Pooler(Layer):
    """One vector for a sequence: the hidden state of one of its tokens, transformed.

    `activation(h[column] W + b)` (Devlin et al. 2019, §3).

    Args:
        column: which token: "first"; "last", be it padding or not; "last_token", the last one that
            is not padding; or "given", by the model's input `pooled_positions`, int (batch,).
        width: of the transformation; None for the hidden state as it is.
        activation: of the transformation.
        use_bias: whether it has a bias.
    """

    def __init__(
        self,
        column: str = "first",
        width: int | None = None,
        activation: Any = "tanh",
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if column not in COLUMNS:
            raise ValueError(f"column must be one of {COLUMNS}, not {column!r}")
        self.column, self.activation = column, get_activation(activation)
        self.projection = None
        if width is not None:
            self.projection = keras.layers.Dense(
                width, use_bias=use_bias, dtype=self.dtype_policy, name="projection"
            )

    def build(self, hidden_shape):
        if self.projection is not None:
            self.projection.build((hidden_shape[0], hidden_shape[-1]))

    def call(self, hidden: Any, inputs: Mapping[str, Any]) -> Any:
        """Pools (batch, length, d) to (batch, width).

        Args:
            hidden: float tensor (batch, length, d).
            inputs: those of the model: `padding_mask` for "last_token", `pooled_positions`.
        """
        if self.column == "first":
            pooled = hidden[:, 0]
        elif self.column == "last":
            pooled = hidden[:, -1]
        else:
            given = self.column == "given"
            columns = inputs["pooled_positions"] if given else last_true(inputs["padding_mask"])
            pooled = ops.take_along_axis(hidden, columns[:, None, None], axis=1)[:, 0]
        return pooled if self.projection is None else self.activation(self.projection(pooled))

    def compute_output_shape(self, hidden_shape, inputs_shape=None):
        width = hidden_shape[-1] if self.projection is None else self.projection.units
        return (hidden_shape[0], width)

"""Pooler."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, check_choice, get_activation, register
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection

_GIVEN = "pooled_positions"
COLUMNS = ("first", "first_token", "last", "last_token", "last_of", "last_but", "given")


def last_true(mask: Any) -> Any:
    """Returns the column of the last True in each row, 0 if there is none: int32 (batch,)."""
    columns = ops.arange(ops.shape(mask)[1])
    return ops.max(ops.where(mask, columns, 0), axis=1)


@register
class Pooler(Layer):
    """One vector for a sequence: the transformed hidden state of one of its tokens.

    `activation(dropout(h[column]) W + b)` (Devlin et al. 2019, §3).

    Args:
        column: which token: "first" and "last", even if it is padding; "first_token" and
            "last_token", the first and the last one that is not padding; "last_of", the last one
            whose id is `token_id`; "last_but", the last one whose id is not `token_id`; or "given",
            the one at the model's input `pooled_positions`, int (batch,) (default: as
            "last_token").
        width: output width of the transformation; None to return the hidden state unchanged.
        activation: activation of the transformation.
        use_bias: whether the transformation has a bias.
        dropout: rate on the hidden state before the transformation.
        token_id: the id for "last_of" and "last_but".
        kernel_initializer: initializer of the transformation.
    """

    keeps_tokens = False

    def __init__(
        self,
        column: str = "first",
        width: int | None = None,
        *,
        activation: Any = "tanh",
        use_bias: bool = True,
        dropout: float = 0.0,
        token_id: int | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice(COLUMNS, column=column)
        if column in ("last_of", "last_but") and token_id is None:
            raise ValueError(f"column={column!r} needs a token_id")
        self.column, self.activation = column, get_activation(activation)
        self.token_id = token_id
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.projection = None
        if width is not None:
            self.projection = make_projection(
                "projection", width, use_bias, kernel_initializer, self.dtype_policy
            )

    def build(self, hidden_shape: Any) -> None:
        if self.projection is not None:
            self.projection.build((hidden_shape[0], hidden_shape[-1]))

    def call(self, hidden: Any, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Pools (batch, length, d) to (batch, width).

        Args:
            hidden: float tensor (batch, length, d).
            inputs: the inputs of the model: `padding_mask` for "first_token" and "last_token",
                `token_ids` for "last_of" and "last_but", `pooled_positions` or `padding_mask` for
                "given".
            training: whether dropout is active.
        """
        if self.column == "first":
            pooled = hidden[:, 0]
        elif self.column == "last":
            pooled = hidden[:, -1]
        else:
            columns = self._columns(inputs)
            pooled = ops.take_along_axis(hidden, columns[:, None, None], axis=1)[:, 0]
        pooled = self.dropout(pooled, training=training)
        return pooled if self.projection is None else self.activation(self.projection(pooled))

    def _columns(self, inputs: Mapping[str, Any]) -> Any:
        """The column of the token in each row: int (batch,)."""
        if self.column == "given" and _GIVEN in inputs:
            return inputs[_GIVEN]
        if self.column == "first_token":
            return ops.argmax(ops.cast(inputs["padding_mask"], "int32"), axis=1)
        if self.column in ("given", "last_token"):
            return last_true(inputs["padding_mask"])
        found = ops.equal(inputs["token_ids"], self.token_id)
        return last_true(found if self.column == "last_of" else ops.logical_not(found))

    def compute_output_shape(
        self, hidden_shape: Any, inputs_shape: Any = None
    ) -> tuple[int | None, ...]:
        width = hidden_shape[-1] if self.projection is None else self.projection.units
        return (hidden_shape[0], width)

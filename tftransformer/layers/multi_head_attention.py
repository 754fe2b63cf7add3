"""MultiHeadAttention."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, masked_softmax, register
from tftransformer.layers.attention_state import AttentionState
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection
from tftransformer.layers.scorers import DotProductScorer
from tftransformer.masks import as_bool, with_heads


@register
class MultiHeadAttention(Layer):
    """Attention of several heads side by side (Vaswani et al. 2017, §3.2.2).

    `softmax(score(Q W_q, K W_k) + bias, where visible) · V W_v`, the heads joined by `W_o`.

    Args:
        d_model: width of the output.
        num_heads: number of heads.
        head_width: width of one head; default `d_model // num_heads`, which must divide evenly.
        dropout: rate on the attention weights.
        use_bias: whether the four projections have a bias.
        scorer: layer that scores queries against keys; default `DotProductScorer()`.
        rotary: `RotaryPositions()`, or None.
        kernel_initializer: of the four projections.
        query_initializer: of the query's projection, where it differs.

    Example:

    >>> layer = MultiHeadAttention(d_model=32, num_heads=4)
    >>> layer(np.ones((2, 5, 32), "float32")).shape
    TensorShape([2, 5, 32])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        head_width: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        scorer: keras.layers.Layer | None = None,
        rotary: keras.layers.Layer | None = None,
        kernel_initializer: Any = "glorot_uniform",
        query_initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if head_width is None and d_model % num_heads:
            raise ValueError(
                f"d_model={d_model} does not divide into num_heads={num_heads} heads: choose "
                "another number of heads, or give head_width."
            )
        self.d_model, self.num_heads = d_model, num_heads
        self.head_width = head_width or d_model // num_heads
        self.scorer = scorer or DotProductScorer(dtype=self.dtype_policy, name="scorer")
        self.rotary = rotary
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

        def projection(
            name: str, width: int, initializer: Any = kernel_initializer
        ) -> keras.layers.Dense:
            return make_projection(name, width, use_bias, initializer, self.dtype_policy)

        heads_width = num_heads * self.head_width
        self.query = projection("query", heads_width, query_initializer or kernel_initializer)
        self.key = projection("key", heads_width)
        self.value = projection("value", heads_width)
        self.output_projection = projection("output", d_model)

    def build(self, query_shape, value_shape=None):
        value_shape = value_shape or query_shape
        heads = (query_shape[0], self.num_heads, None, self.head_width)
        self.query.build(query_shape)
        self.key.build(value_shape)
        self.value.build(value_shape)
        self.output_projection.build((*query_shape[:-1], self.num_heads * self.head_width))
        if not self.scorer.built:
            self.scorer.build(heads, heads)

    def _split(self, x: Any) -> Any:
        """(batch, length, heads · width) → (batch, heads, length, width)."""
        batch, length = ops.shape(x)[:2]
        return ops.transpose(
            ops.reshape(x, (batch, length, self.num_heads, self.head_width)), (0, 2, 1, 3)
        )

    def _join(self, x: Any) -> Any:
        """(batch, heads, length, width) → (batch, length, heads · width)."""
        batch, _, length, _ = ops.shape(x)
        return ops.reshape(
            ops.transpose(x, (0, 2, 1, 3)), (batch, length, self.num_heads * self.head_width)
        )

    def project_value(self, value: Any, positions: Any = None) -> tuple[Any, Any]:
        """Projects what is attended to.

        Args:
            value: float tensor (batch, keys, d_value).
            positions: int tensor (keys,) or (batch, keys), for `rotary`.

        Returns:
            keys and values, float tensors (batch, heads, keys, head width).
        """
        key = self._split(self.key(value))
        if self.rotary is not None:
            key = self.rotary(key, positions)
        return key, self._split(self.value(value))

    def call(
        self,
        query: Any,
        value: Any = None,
        attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        state: AttentionState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Attends from `query` to `value` (Vaswani et al. 2017, eq. 1).

        Args:
            query: float tensor (batch, queries, d_query).
            value: float tensor (batch, keys, d_value); default: `query` (self-attention).
            attention_mask: bool tensor (batch, queries, keys), as Keras has it, or broadcastable
                to (batch, heads, queries, keys), True = may attend; default: the implicit Keras
                mask of `value`, else all may. A query that may see nothing yields 0 before the
                output projection.
            position_bias: float tensor (queries, keys), or broadcastable to (batch, heads,
                queries, keys), added to the scores.
            context: the dict that masks read; its `query_positions` serve `rotary`, all of it
                the scorer.
            state: slot that receives the weights and, where it is a cache, keys and values.
            training: whether dropout is active.

        Returns:
            float tensor (batch, queries, d_model), in the compute dtype.
        """
        context = context or {}
        state = state or AttentionState()
        heads = self._split(self.query(query))
        if self.rotary is not None:
            heads = self.rotary(heads, context.get("query_positions"))
        value = query if value is None else value
        if attention_mask is None:
            attention_mask = implicit_mask(value)
        else:
            attention_mask = with_heads(as_bool(attention_mask, "attention_mask"))
        positions = context.get(state.new_keys_at)
        key, values = state.extend(lambda: self.project_value(value, positions))
        scores = self.scorer(heads, key, context=context)
        if position_bias is not None:
            if len(position_bias.shape) == 3:
                raise ValueError(
                    f"position_bias of shape {tuple(position_bias.shape)} may be of the batch or "
                    "of the heads: give (batch, heads, queries, keys), or (queries, keys)."
                )
            scores = scores + ops.cast(position_bias, scores.dtype)
        state.weights = masked_softmax(scores, attention_mask)
        weights = self.dropout(ops.cast(state.weights, values.dtype), training=training)
        return self.output_projection(self._join(ops.matmul(weights, values)))

    def compute_output_shape(self, query_shape, value_shape=None):
        return (*query_shape[:-1], self.d_model)


def implicit_mask(value: Any) -> Any:
    """Returns the mask that Keras attached to `value` as (batch, 1, 1, keys), or None."""
    mask = getattr(value, "_keras_mask", None)
    return None if mask is None else mask[:, None, None]

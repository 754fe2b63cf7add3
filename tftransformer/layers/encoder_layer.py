"""EncoderLayer."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from tftransformer.core import Layer, register
from tftransformer.layers.attention_state import LayerState
from tftransformer.layers.feed_forward import FeedForward
from tftransformer.layers.multi_head_attention import MultiHeadAttention
from tftransformer.layers.norms import Residual, make_norm


@register
class EncoderLayer(Layer):
    """Self-attention, then a feed-forward net, each in a residual connection.

    Vaswani et al. 2017, §3.1. Under a causal mask it is the layer of a GPT: what a query sees
    is the mask's business alone.

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        dropout: rate on the output of each sublayer.
        attention_dropout: rate on the attention weights.
        activation_dropout: rate inside the feed-forward net.
        activation: of the feed-forward net.
        norm: where the norm stands, "post" or "pre" (see `Residual`).
        normalization: which norm, "layer" or "rms".
        epsilon: of the norms.
        use_bias: whether projections have biases.
        rotary: `RotaryPositions()` for the self-attention, or None.
        attention: a ready-made self-attention layer instead of `MultiHeadAttention`, such as
            Keras's own: built with the shapes and called with the tensors of query and value, as
            `attention(x, x, attention_mask=mask, training=training)`. To report its weights or
            to decode with a cache it also takes the `state` of `MultiHeadAttention.call`.
        feed_forward: a ready-made layer instead of `FeedForward`.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dff: int,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        activation: Any = "relu",
        norm: str = "post",
        normalization: str = "layer",
        epsilon: float = 1e-6,
        use_bias: bool = True,
        rotary: keras.layers.Layer | None = None,
        attention: keras.layers.Layer | None = None,
        feed_forward: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.num_heads = d_model, num_heads
        self.dropout, self.attention_dropout = dropout, attention_dropout
        self.norm, self.normalization, self.epsilon = norm, normalization, epsilon
        self.use_bias = use_bias
        self.attention = attention or self._make_attention("attention", rotary)
        self.attention_residual = self._make_residual("attention_residual")
        self.feed_forward = feed_forward or FeedForward(
            d_model,
            dff,
            activation=activation,
            dropout=activation_dropout,
            use_bias=use_bias,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.feed_forward_residual = self._make_residual("feed_forward_residual")

    def _make_attention(
        self, name: str, rotary: keras.layers.Layer | None = None
    ) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.d_model,
            self.num_heads,
            dropout=self.attention_dropout,
            use_bias=self.use_bias,
            rotary=rotary,
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_residual(self, name: str) -> Residual:
        return Residual(
            make_norm(self.normalization, self.epsilon, dtype=self.dtype_policy, name="norm"),
            placement=self.norm,
            dropout=self.dropout,
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, x_shape):
        if not self.attention.built:
            self.attention.build(x_shape, x_shape)
        for layer in (self.attention_residual, self.feed_forward, self.feed_forward_residual):
            if not layer.built:
                layer.build(x_shape)

    def _attend(
        self,
        x: Any,
        mask: Any,
        training: bool | None,
        state: LayerState | None,
        value: Any = None,
        **given: Any,
    ) -> Any:
        """Self-attention in its residual connection."""
        given["state"] = state.self_attention if state else None

        def sublayer(h: Any) -> Any:
            seen = h if value is None else self.attention_residual.prepare(value)
            return attend(self.attention, h, seen, mask, training, **given)

        return self.attention_residual(x, sublayer=sublayer, training=training)

    def _transform(self, x: Any, training: bool | None) -> Any:
        """The feed-forward net in its residual connection."""
        return self.feed_forward_residual(
            x, sublayer=lambda h: self.feed_forward(h, training=training), training=training
        )

    def call(
        self,
        x: Any,
        attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        state: LayerState | None = None,
        value: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Transforms a sequence.

        Args:
            x: float tensor (batch, length, d_model).
            attention_mask: bool tensor broadcastable to (batch, heads, length, keys), True = may
                attend; None = all may.
            position_bias: float tensor broadcastable as the mask, added to the scores.
            context: the dict that masks read, for rotary positions and scorers.
            state: slot for the attention weights, or a cache.
            value: float tensor (batch, keys, d_model), what is attended to; default `x`. Where a
                memory of earlier segments stands before `x`, it is the two joined.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model).
        """
        x = self._attend(
            x, attention_mask, training, state, value, position_bias=position_bias, context=context
        )
        return self._transform(x, training)

    def compute_output_shape(self, x_shape):
        return x_shape


def attend(
    attention: keras.layers.Layer,
    query: Any,
    value: Any,
    mask: Any,
    training: bool | None,
    **given: Any,
) -> Any:
    """Calls an attention layer, which need not know the arguments that are not in use.

    The context informs, so a layer without interest in it does without; all else must be taken.
    """
    given = {name: argument for name, argument in given.items() if argument is not None}
    if "context" not in inspect.signature(attention.call).parameters:
        given.pop("context", None)
    return attention(query, value, attention_mask=mask, training=training, **given)

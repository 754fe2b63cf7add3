"""EncoderLayer."""

import inspect
from collections.abc import Container, Mapping
from typing import Any

import keras

from tftransformer.core import Layer, build_once, register
from tftransformer.layers.attention_state import AttentionState, LayerState
from tftransformer.layers.feed_forward import FeedForward, mixes_positions
from tftransformer.layers.multi_head_attention import MultiHeadAttention
from tftransformer.layers.norms import Residual, make_norm
from tftransformer.masks import Mask


@register
class EncoderLayer(Layer):
    """Self-attention, then a feed-forward net, each in a residual connection.

    Vaswani et al. 2017, §3.1. Under a causal mask it is the layer of a GPT: only the mask decides
    what a query sees.

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        dropout: rate on the output of each sublayer.
        attention_dropout: rate on the attention weights.
        activation_dropout: rate inside the feed-forward net.
        activation: activation of the feed-forward net.
        norm: where the norms are: "post", "pre" or "sandwich" (see `Residual`).
        normalization: which norm: "layer", "rms", or a layer, of which each place gets a copy.
        epsilon: added to the variance in the norms.
        use_bias: whether projections have biases.
        kernel_initializer: initializer of the projections.
        output_initializer: initializer of the two projections that add to the residual stream;
            default: `kernel_initializer`. GPT-2 scales it by depth.
        num_key_value_heads: number of heads of keys and values; default `num_heads`.
        rotary: `RotaryPositions()` for the self-attention, or None.
        attention: a self-attention layer to use instead of `MultiHeadAttention`, such as Keras's.
            It is built with the shapes, if it has a `build`, and called with query and value, as
            `attention(x, x, attention_mask=mask, training=training)`, and with those further
            arguments of `MultiHeadAttention.call` that its own `call` names. Without `state` it
            reports no weights and cannot use a cache.
        feed_forward: a layer to use instead of `FeedForward`.
        attention_residual: a `Residual` to put around the attention, with norms in any of its
            slots.
        feed_forward_residual: a `Residual` to put around the feed-forward net.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        activation: Any = "relu",
        norm: str = "post",
        normalization: str | keras.layers.Layer = "layer",
        epsilon: float = 1e-6,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        output_initializer: Any = None,
        num_key_value_heads: int | None = None,
        rotary: keras.layers.Layer | None = None,
        attention: keras.layers.Layer | None = None,
        feed_forward: keras.layers.Layer | None = None,
        attention_residual: keras.layers.Layer | None = None,
        feed_forward_residual: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.num_heads = d_model, num_heads
        self.dropout, self.use_bias = dropout, use_bias
        self._attention_options = {
            "dropout": attention_dropout,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "output_initializer": output_initializer,
            "num_key_value_heads": num_key_value_heads,
        }
        self.norm, self.normalization, self.epsilon = norm, normalization, epsilon
        self.attention = attention or self._make_attention("attention", rotary)
        self.attention_residual = attention_residual or self._make_residual("attention_residual")
        self.feed_forward = feed_forward or FeedForward(
            d_model,
            dff,
            activation=activation,
            dropout=activation_dropout,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            output_initializer=output_initializer,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.feed_forward_residual = feed_forward_residual or self._make_residual(
            "feed_forward_residual"
        )
        self._attention_takes = arguments_of(self.attention)

    def _make_attention(
        self, name: str, rotary: keras.layers.Layer | None = None
    ) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.d_model,
            self.num_heads,
            **self._attention_options,
            rotary=rotary,
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_residual(self, name: str) -> Residual:
        def norm(name: str) -> keras.layers.Layer:
            return make_norm(self.normalization, self.epsilon, dtype=self.dtype_policy, name=name)

        return Residual.at(
            self.norm, norm, dropout=self.dropout, dtype=self.dtype_policy, name=name
        )

    def check_mask(self, mask: Mask) -> None:
        """Raises a ValueError for a mask that the self-attention cannot apply correctly."""
        if hasattr(self.attention, "check_mask"):
            self.attention.check_mask(mask)

    def check_biased(self) -> None:
        """Raises a ValueError where the self-attention has no use for a `position_bias`."""
        if "position_bias" not in self._attention_takes:
            raise ValueError(
                f"{self.attention!r} adds no position_bias to its scores: leave out the "
                "position_bias of the stack, or give it an attention whose `call` takes one."
            )

    def check_cacheable(self) -> None:
        """Raises a ValueError if steps with a cache could not equal the uncached pass."""
        check_keeps_keys(self.attention, self._attention_takes)
        if mixes_positions(self.feed_forward):
            raise ValueError(
                f"{self.feed_forward!r} may look at other positions than its own, which a cache "
                "does not hold. If it does not, say so: set the attribute mixes_positions = False."
            )

    def build(self, x_shape: Any) -> None:
        build_once(self.attention, x_shape, x_shape)
        for layer in (self.attention_residual, self.feed_forward, self.feed_forward_residual):
            build_once(layer, x_shape)

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
            return attend(self.attention, self._attention_takes, h, seen, mask, training, **given)

        return self.attention_residual(x, sublayer=sublayer, training=training)

    def _joined(self, x: Any, attended: Any, training: bool | None) -> Any:
        """What comes of the input of the layer, and of its sum with what it attended to."""
        return self._transform(attended, training)

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
        expression: Mask | None = None,
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
            expression: the mask from which `attention_mask` was computed.
            state: slot for the attention weights, or a cache.
            value: float tensor (batch, keys, d_model), what is attended to; default `x`. With a
                memory of earlier segments it is that memory followed by `x`.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model).
        """
        attended = self._attend(
            x,
            attention_mask,
            training,
            state,
            value,
            position_bias=position_bias,
            context=context,
            expression=expression,
        )
        return self._joined(x, attended, training)

    def compute_output_shape(self, x_shape: Any) -> tuple[int | None, ...]:
        return x_shape


# What an attention layer is told about; one that does not ask for it does without.
_INFORMS = {"context", "expression"}


def arguments_of(layer: keras.layers.Layer) -> frozenset[str]:
    """Returns the names of the arguments of a layer's `call`; constructors ask once."""
    return frozenset(inspect.signature(layer.call).parameters)


def attend(
    attention: keras.layers.Layer,
    takes: frozenset[str],
    query: Any,
    value: Any,
    mask: Any,
    training: bool | None,
    **given: Any,
) -> Any:
    """Calls an attention layer, without arguments that are unused and that it does not take.

    A layer may ignore context and expression, which only inform, and a plain slot, which only asks
    for weights. It must take everything else that is given.
    """
    given = {
        name: argument
        for name, argument in given.items()
        if argument is not None and (name in takes or name not in _INFORMS)
    }
    if "state" not in takes and type(given.get("state")) is AttentionState:
        del given["state"]
    return attention(query, value, attention_mask=mask, training=training, **given)


def check_keeps_keys(attention: keras.layers.Layer, takes: Container[str]) -> None:
    """Raises a ValueError for an attention that cannot continue from given keys and values."""
    methods = ("project_value", "cache_shape")
    if "state" not in takes or not all(hasattr(attention, name) for name in methods):
        raise ValueError(
            f"{type(attention).__name__} keeps no keys and values, so this stack cannot decode "
            "with a cache, nor have a second stream: use MultiHeadAttention, or a layer with its "
            "project_value and cache_shape, whose `call` takes `state` and attends to what "
            "`state.extend(project)` returns."
        )

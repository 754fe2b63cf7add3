"""DecoderLayer."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import build_once, register
from tftransformer.layers.attention_state import LayerState
from tftransformer.layers.encoder_layer import (
    EncoderLayer,
    arguments_of,
    attend,
    check_keeps_keys,
)
from tftransformer.masks import Mask, with_heads


@register
class DecoderLayer(EncoderLayer):
    """Self-attention, attention to the encoder's output, then a feed-forward net.

    Vaswani et al. 2017, §3.1.

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        cross_attention: a ready-made cross-attention layer instead of `MultiHeadAttention`.
        cross_attention_residual: a ready-made `Residual` around it.
        **options: arguments of `EncoderLayer`: dropout, norm, activation, attention, …
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        cross_attention: keras.layers.Layer | None = None,
        cross_attention_residual: keras.layers.Layer | None = None,
        **options: Any,
    ):
        super().__init__(d_model, num_heads, dff, **options)
        self.cross_attention = cross_attention or self._make_attention("cross_attention")
        self.cross_attention_residual = cross_attention_residual or self._make_residual(
            "cross_attention_residual"
        )
        self._cross_attention_takes = arguments_of(self.cross_attention)

    def check_cacheable(self) -> None:
        super().check_cacheable()
        check_keeps_keys(self.cross_attention, self._cross_attention_takes)

    def build(self, x_shape: Any, encoder_output_shape: Any = None) -> None:
        super().build(x_shape)
        build_once(self.cross_attention, x_shape, encoder_output_shape or x_shape)
        build_once(self.cross_attention_residual, x_shape)

    def call(  # type: ignore[override] # with inputs of its own
        self,
        x: Any,
        encoder_output: Any = None,
        attention_mask: Any = None,
        cross_attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        cross_context: Mapping[str, Any] | None = None,
        expression: Mask | None = None,
        cross_expression: Mask | None = None,
        state: LayerState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Transforms a sequence that attends to another.

        Args:
            x: float tensor (batch, length, d_model).
            encoder_output: float tensor (batch, source length, d_source); may be left out where
                `state` holds its projection.
            attention_mask: bool tensor broadcastable to (batch, heads, length, keys), True = may
                attend; None = all may.
            cross_attention_mask: the same, to (batch, heads, length, source length).
            position_bias: float tensor added to the scores of the self-attention.
            context: the dict that masks of the self-attention read.
            cross_context: the dict that masks of the cross-attention read.
            expression: the mask from which `attention_mask` was computed.
            cross_expression: the mask from which `cross_attention_mask` was computed.
            state: slots for attention weights, or caches.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model).
        """
        slot = state.cross_attention if state else None
        # Without keys the cross-attention would fall back on the layer's own input.
        if encoder_output is None and not (slot and slot.holds_keys):
            raise ValueError(
                "the layer has nothing to attend to: pass encoder_output, or a state whose "
                "cross_attention holds its projection, such as FixedKeyValue(key, value)."
            )
        x = self._attend(
            x,
            attention_mask,
            training,
            state,
            position_bias=position_bias,
            context=context,
            expression=expression,
        )
        beams = slot.rows_per_source if slot else 1
        if beams > 1 and cross_attention_mask is not None and cross_attention_mask.shape[-2] != 1:
            cross_attention_mask = with_heads(cross_attention_mask)
            cross_attention_mask = ops.tile(cross_attention_mask, (1, 1, beams, 1))

        def look_at_source(h: Any) -> Any:
            # Rows that share their keys are so many more queries of one row.
            length, width = ops.shape(h)[1:]
            seen = attend(
                self.cross_attention,
                self._cross_attention_takes,
                ops.reshape(h, (-1, beams * length, width)) if beams > 1 else h,
                encoder_output,
                cross_attention_mask,
                training,
                context=cross_context,
                expression=cross_expression,
                state=slot,
            )
            return ops.reshape(seen, (-1, length, self.d_model)) if beams > 1 else seen

        x = self.cross_attention_residual(x, sublayer=look_at_source, training=training)
        return self._transform(x, training)

    def compute_output_shape(
        self, x_shape: Any, encoder_output_shape: Any = None
    ) -> tuple[int | None, ...]:
        return x_shape

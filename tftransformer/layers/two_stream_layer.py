"""TwoStreamLayer."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.layers.attention_state import AttentionState
from tftransformer.layers.encoder_layer import EncoderLayer, attend, check_keeps_keys
from tftransformer.masks import Mask


@register
class TwoStreamLayer(EncoderLayer):
    """A layer that also predicts tokens from their positions alone (XLNet, Yang et al. 2019, §2.3).

    Calling it runs an `EncoderLayer`: the content stream. `query_stream` sends other vectors, which
    contain no token, through the same weights.

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        **options: arguments of `EncoderLayer`.
    """

    def check_two_streams(self) -> None:
        """Raises a ValueError if the query stream could not attend to the content stream."""
        check_keeps_keys(self.attention, self._attention_takes)

    def query_stream(
        self,
        x: Any,
        target_mapping: Any,
        state: AttentionState,
        attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        expression: Mask | None = None,
        training: bool | None = None,
    ) -> Any:
        """Transforms the vectors of the targets.

        Args:
            x: float tensor (batch, targets, d_model).
            target_mapping: float tensor (batch, targets, length): 1 where a target stands.
            state: slot that holds the projected keys and values of the content stream; it
                receives the weights, (batch, heads, length, keys).
            attention_mask: bool tensor broadcastable to (batch, heads, length, keys), True = may
                attend.
            position_bias: float tensor broadcastable as the mask, added to the scores.
            context: the dict that masks read, for the scorer.
            expression: the mask from which `attention_mask` was computed.
            training: whether dropout is active.

        Returns:
            float tensor (batch, targets, d_model).
        """
        target_mapping = ops.cast(target_mapping, x.dtype)

        def sublayer(h: Any) -> Any:
            # At its place a target has the distances of that place, whatever its number.
            placed = ops.matmul(ops.swapaxes(target_mapping, 1, 2), h)
            seen = attend(
                self.attention,
                self._attention_takes,
                placed,
                None,
                attention_mask,
                training,
                position_bias=position_bias,
                context=context,
                expression=expression,
                state=state,
            )
            return ops.matmul(target_mapping, seen)

        x = self.attention_residual(x, sublayer=sublayer, training=training)
        return self._transform(x, training)

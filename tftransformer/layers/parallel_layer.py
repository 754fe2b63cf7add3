"""ParallelLayer."""

from typing import Any

from tftransformer.core import register
from tftransformer.layers.encoder_layer import EncoderLayer


@register
class ParallelLayer(EncoderLayer):
    """Self-attention beside a feed-forward net: both read the input, and both are added to it.

    `x + attention(norm_1(x)) + feed_forward(norm_2(x))` (GPT-NeoX, Black et al. 2022, §2).
    Where `feed_forward_residual` has no norm of its own, the net reads what the attention reads.
    Norms stand before the sublayers or inside, not behind the sum.

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        norm: where the norms are: "pre" or "sandwich".
        **options: further arguments of `EncoderLayer`.
    """

    def __init__(
        self, d_model: int, num_heads: int, dff: int, *, norm: str = "pre", **options: Any
    ):
        super().__init__(d_model, num_heads, dff, norm=norm, **options)
        residuals = self.attention_residual, self.feed_forward_residual
        if any(residual.after is not None for residual in residuals):
            raise ValueError(
                "sublayers side by side have one sum, which neither can normalise: norm='pre'."
            )

    def _joined(self, x: Any, attended: Any, training: bool | None) -> Any:
        own = self.feed_forward_residual
        reads = own if own.before is not None else self.attention_residual
        y = self.feed_forward(reads.prepare(x), training=training)
        return own.added(attended, y, training)

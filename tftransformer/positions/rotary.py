"""RotaryPositions."""

from typing import Any

from keras import ops

from tftransformer.core import Layer, check_choice, register
from tftransformer.positions.sinusoidal import LAYOUTS, angles


@register
class RotaryPositions(Layer):
    """Rotates queries and keys by their position (RoFormer, Su et al. 2021, eq. 34).

    Each pair of features (a, b) turns by the angle `p·w_j`: `(a cos − b sin, a sin + b cos)`; the
    dot product of a query and a key then depends only on their distance. Used as
    `MultiHeadAttention(rotary=…)`.

    Args:
        layout: which features pair up: "interleaved" (0, 1), (2, 3), … as in the paper, or
            "concatenated" (j, j + width/2) as GPT-NeoX and Llama do.
        base: base of the frequencies `w_j = base^(−2j/width)`.
    """

    def __init__(self, layout: str = "interleaved", *, base: float = 10000.0, **kwargs: Any):
        super().__init__(**kwargs)
        check_choice(LAYOUTS, layout=layout)
        self.layout, self.base = layout, base

    def build(self, heads_shape: Any, positions_shape: Any = None) -> None:
        width = heads_shape[-1]
        if width % 2:
            raise ValueError(f"rotary positions need an even head width, not {width}")

    def call(self, heads: Any, positions: Any = None) -> Any:
        """Rotates each head's vectors.

        Args:
            heads: float tensor (batch, heads, length, head width), the width even.
            positions: int tensor (length,) or (batch, length); default 0, 1, 2, …

        Returns:
            float tensor shaped as `heads`.
        """
        width = heads.shape[-1]
        if positions is None:
            positions = ops.arange(ops.shape(heads)[2])
        angle = angles(positions, width, self.base)
        if len(angle.shape) == 3:
            angle = angle[:, None]  # the same for every head
        sine = ops.cast(ops.sin(angle), heads.dtype)
        cosine = ops.cast(ops.cos(angle), heads.dtype)
        if self.layout == "concatenated":
            a, b = ops.split(heads, 2, axis=-1)
            return ops.concatenate([a * cosine - b * sine, a * sine + b * cosine], axis=-1)
        a, b = heads[..., 0::2], heads[..., 1::2]
        turned = ops.stack([a * cosine - b * sine, a * sine + b * cosine], axis=-1)
        return ops.reshape(turned, ops.shape(heads))

    def compute_output_shape(
        self, heads_shape: Any, positions_shape: Any = None
    ) -> tuple[int | None, ...]:
        return heads_shape

"""RotaryPositions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import Layer, check_choice, check_numbers, register
from tftransformer.positions.sinusoidal import LAYOUTS, angles, frequencies

# The entries of each kind of scaling, but for its name.
SCALINGS = {
    "default": (),
    "linear": ("factor",),
    "llama3": (
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    ),
}


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
        width: how many features of a head turn, an even number: the first ones. Default: all.
        scaling: how slower a model turns that was trained on shorter texts, as config.json says it.
            `{"rope_type": "linear", "factor": 2.0}` divides all frequencies (Chen et al. 2023);
            `{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}` divides those that turn less than
            `low_freq_factor` times in so many positions, leaves alone those that turn more than
            `high_freq_factor` times, and blends between the two (Llama 3, Grattafiori et al. 2024).
    """

    def __init__(
        self,
        layout: str = "interleaved",
        *,
        base: float = 10000.0,
        width: int | None = None,
        scaling: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice(LAYOUTS, layout=layout)
        self.layout, self.base, self.width = layout, base, width
        if scaling is not None:
            check_scaling(scaling)

    def build(self, heads_shape: Any, positions_shape: Any = None) -> None:
        width = self.width or heads_shape[-1]
        if width % 2:
            raise ValueError(f"rotary positions need an even head width, not {width}")
        if width > heads_shape[-1]:
            raise ValueError(f"width={width} of rotary positions in heads of {heads_shape[-1]}")

    def frequencies(self, width: int) -> np.ndarray:
        """Returns the frequencies by which `width` features turn: float64 (width/2,)."""
        turns = frequencies(width, self.base)
        told = self.scaling or {"rope_type": "default"}
        if told["rope_type"] == "default":
            return turns
        slower = turns / told["factor"]
        if told["rope_type"] == "linear":
            return slower
        low, high = told["low_freq_factor"], told["high_freq_factor"]
        in_length = told["original_max_position_embeddings"] * turns / (2 * np.pi)
        share = np.clip((in_length - low) / (high - low), 0, 1)
        return (1 - share) * slower + share * turns

    def call(self, heads: Any, positions: Any = None) -> Any:
        """Rotates each head's vectors.

        Args:
            heads: float tensor (batch, heads, length, head width).
            positions: int tensor (length,) or (batch, length); default 0, 1, 2, …

        Returns:
            float tensor shaped as `heads`.
        """
        width = self.width or heads.shape[-1]
        if positions is None:
            positions = ops.arange(ops.shape(heads)[2])
        angle = angles(positions, self.frequencies(width))
        if len(angle.shape) == 3:
            angle = angle[:, None]  # the same for every head
        sine = ops.cast(ops.sin(angle), heads.dtype)
        cosine = ops.cast(ops.cos(angle), heads.dtype)
        rest = [heads[..., width:]] if width < heads.shape[-1] else []
        heads = heads[..., :width] if rest else heads
        if self.layout == "concatenated":
            a, b = ops.split(heads, 2, axis=-1)
            turned = [a * cosine - b * sine, a * sine + b * cosine]
            return ops.concatenate([*turned, *rest], axis=-1)
        a, b = heads[..., 0::2], heads[..., 1::2]
        turned = ops.stack([a * cosine - b * sine, a * sine + b * cosine], axis=-1)
        return ops.concatenate([ops.reshape(turned, ops.shape(heads)), *rest], axis=-1)

    def compute_output_shape(
        self, heads_shape: Any, positions_shape: Any = None
    ) -> tuple[int | None, ...]:
        return heads_shape


def check_scaling(scaling: Mapping[str, Any]) -> None:
    """Raises a ValueError for a scaling of rotary positions that is not known here, or not whole.

    Args:
        scaling: see `RotaryPositions`.
    """
    kind = scaling.get("rope_type")
    if kind not in SCALINGS:
        raise ValueError(
            f"rotary positions are scaled by rope_type={kind!r}; only {[*SCALINGS]} are known."
        )
    lacking = [name for name in SCALINGS[kind] if name not in scaling]
    if lacking:
        raise ValueError(f"the scaling {dict(scaling)} of rotary positions lacks {lacking}.")
    check_numbers(0, **{name: scaling[name] for name in SCALINGS[kind]})

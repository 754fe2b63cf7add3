"""SinusoidalPositions."""

from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import Layer, check_choice, register

LAYOUTS = ("interleaved", "concatenated")


def frequencies(width: int, base: float) -> np.ndarray:
    """Returns `base^(−2j/width)` for j < width/2: float64 (width/2,)."""
    return base ** -(np.arange(0, width, 2) / width)


def angles(positions: Any, frequencies: np.ndarray) -> Any:
    """Returns the angle of each frequency (n,) at each position: float32 (..., length, n)."""
    return ops.expand_dims(ops.cast(positions, "float32"), -1) * frequencies.astype("float32")


@register
class SinusoidalPositions(Layer):
    """Fixed sines and cosines of each position (Vaswani et al. 2017, §3.5).

    With `w_j = base^(−2j/d_model)`, position p has the features `sin(p·w_j)` and `cos(p·w_j)`. It
    is computed when needed, so any position works, negative ones included.

    Args:
        d_model: width of the encoding, an even number.
        layout: "interleaved" puts `sin, cos, sin, cos, …` as in the paper; "concatenated" all
            sines before all cosines, as tensor2tensor and Marian do. Weights trained with one
            layout do not fit the other.
        base: the 10000 of the paper.
    """

    def __init__(
        self, d_model: int, layout: str = "interleaved", *, base: float = 10000.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, not {d_model}")
        check_choice(LAYOUTS, layout=layout)
        self.d_model, self.layout, self.base = d_model, layout, base

    def build(self, positions_shape: Any) -> None:
        """Does nothing: there are no weights."""

    def call(self, positions: Any) -> Any:
        """Encodes positions.

        Args:
            positions: int tensor (length,) or (batch, length).

        Returns:
            float tensor (..., length, d_model), in the compute dtype.
        """
        angle = angles(positions, frequencies(self.d_model, self.base))
        sine, cosine = ops.sin(angle), ops.cos(angle)
        if self.layout == "concatenated":
            encoding = ops.concatenate([sine, cosine], axis=-1)
        else:
            encoding = ops.stack([sine, cosine], axis=-1)
            encoding = ops.reshape(encoding, (*ops.shape(angle)[:-1], self.d_model))
        return ops.cast(encoding, self.compute_dtype)

    def compute_output_shape(self, positions_shape: Any) -> tuple[int | None, ...]:
        return (*positions_shape, self.d_model)

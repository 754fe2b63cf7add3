"""Length penalties of beam search: what a summed log-probability is divided by."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from tftransformer.core import Configurable, is_number, register, require


@dataclass(frozen=True)
class LengthPenalty(Configurable):
    """Base of the length penalties: a positive, monotone function of the length.

    A subclass defines `__call__(length)`. Beam search divides the summed log-probability of a
    hypothesis by it, and bounds the penalty of a continuation by its larger value at the two ends
    of the lengths still possible.

    Args:
        alpha: float; 0 ranks by the plain sum, larger values favour longer hypotheses,
            negative ones shorter hypotheses.
    """

    alpha: float

    def __post_init__(self) -> None:
        require(is_number(self.alpha), "alpha", self.alpha, "a number")

    def __call__(self, length: Any) -> Any:
        """Returns the divisor of a hypothesis.

        Args:
            length: int tensor of any shape, or int: generated tokens, the end token included.

        Returns:
            float32 tensor of the shape of `length`.
        """
        raise NotImplementedError


@register
@dataclass(frozen=True)
class WuLengthPenalty(LengthPenalty):
    """`(5 + length)^alpha / 6^alpha`.

    Example:
        `BeamSearch(num_beams=4, length_penalty=WuLengthPenalty(0.6))`

    Reference: Wu et al. 2016, "Google's Neural Machine Translation System", eq. 14.
    """

    def __call__(self, length: Any) -> Any:
        return ((5.0 + ops.cast(length, "float32")) / 6.0) ** self.alpha


@register
@dataclass(frozen=True)
class PowerLengthPenalty(LengthPenalty):
    """`length^alpha`; alpha 1 ranks by the mean log-probability of a token.

    This is the `length_penalty` of Hugging Face's `generate`.

    Example:
        `BeamSearch(num_beams=4, length_penalty=PowerLengthPenalty(1.0))`
    """

    def __call__(self, length: Any) -> Any:
        return ops.cast(length, "float32") ** self.alpha

"""Floor 1: where a token stands."""

from tftransformer.positions.learned import LearnedPositions
from tftransformer.positions.rotary import RotaryPositions
from tftransformer.positions.sinusoidal import SinusoidalPositions

__all__ = ["LearnedPositions", "RotaryPositions", "SinusoidalPositions"]

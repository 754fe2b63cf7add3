"""Encodings of positions."""

from tftransformer.positions.bucketed_bias import BucketedBias
from tftransformer.positions.distance_vectors import DistanceVectors
from tftransformer.positions.learned import LearnedPositions
from tftransformer.positions.numbering import token_positions
from tftransformer.positions.rotary import RotaryPositions
from tftransformer.positions.sinusoidal import SinusoidalPositions

__all__ = [
    "BucketedBias",
    "DistanceVectors",
    "LearnedPositions",
    "RotaryPositions",
    "SinusoidalPositions",
    "token_positions",
]

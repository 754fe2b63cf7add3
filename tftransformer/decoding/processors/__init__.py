"""Processors: what changes the scores of the next token before one is chosen."""

from tftransformer.decoding.processors.history import BadWords, NoRepeatNgrams, RepetitionPenalty
from tftransformer.decoding.processors.limits import (
    ForcedEnd,
    ForcedStart,
    MinLength,
    MinNewTokens,
)
from tftransformer.decoding.processors.processor import Processor
from tftransformer.decoding.processors.warpers import (
    Epsilon,
    Eta,
    MinP,
    Renormalized,
    Temperature,
    TopK,
    TopP,
    Typical,
)

__all__ = [
    "BadWords",
    "Epsilon",
    "Eta",
    "ForcedEnd",
    "ForcedStart",
    "MinLength",
    "MinNewTokens",
    "MinP",
    "NoRepeatNgrams",
    "Processor",
    "Renormalized",
    "RepetitionPenalty",
    "Temperature",
    "TopK",
    "TopP",
    "Typical",
]

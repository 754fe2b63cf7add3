"""Decoding: one step function in, the best token ids out."""

from tftransformer.decoding.beam_search import BeamSearch
from tftransformer.decoding.contrastive_search import ContrastiveSearch
from tftransformer.decoding.greedy import Greedy
from tftransformer.decoding.length_penalties import (
    LengthPenalty,
    PowerLengthPenalty,
    WuLengthPenalty,
)
from tftransformer.decoding.processors import (
    BadWords,
    Epsilon,
    Eta,
    ForcedEnd,
    ForcedStart,
    MinLength,
    MinNewTokens,
    MinP,
    NoRepeatNgrams,
    Processor,
    Renormalized,
    RepetitionPenalty,
    Temperature,
    TopK,
    TopP,
    Typical,
)
from tftransformer.decoding.request import Decoded, Request
from tftransformer.decoding.row_strategy import RowStrategy
from tftransformer.decoding.sampling import Sampling
from tftransformer.decoding.stop_strings import StopStrings
from tftransformer.decoding.strategy import Strategy
from tftransformer.models.decoding_step import DecodingStep

__all__ = [
    "BadWords",
    "BeamSearch",
    "ContrastiveSearch",
    "Decoded",
    "DecodingStep",
    "Epsilon",
    "Eta",
    "ForcedEnd",
    "ForcedStart",
    "Greedy",
    "LengthPenalty",
    "MinLength",
    "MinNewTokens",
    "MinP",
    "NoRepeatNgrams",
    "PowerLengthPenalty",
    "Processor",
    "Renormalized",
    "RepetitionPenalty",
    "Request",
    "RowStrategy",
    "Sampling",
    "StopStrings",
    "Strategy",
    "Temperature",
    "TopK",
    "TopP",
    "Typical",
    "WuLengthPenalty",
]

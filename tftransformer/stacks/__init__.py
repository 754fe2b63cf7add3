"""Stacks of layers under a mask."""

from tftransformer.stacks.convolved_encoder import ConvolvedEncoder
from tftransformer.stacks.decoder import Decoder
from tftransformer.stacks.encoder import Encoder
from tftransformer.stacks.parallel_encoder import ParallelEncoder
from tftransformer.stacks.recurrent_encoder import RecurrentEncoder
from tftransformer.stacks.two_stream_encoder import TwoStreamEncoder

__all__ = [
    "ConvolvedEncoder",
    "Decoder",
    "Encoder",
    "ParallelEncoder",
    "RecurrentEncoder",
    "TwoStreamEncoder",
]

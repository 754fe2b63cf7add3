"""The layers that stacks are made of."""

from tftransformer.layers.adaptive_embedding import AdaptiveEmbedding
from tftransformer.layers.attention_core import SoftmaxAttention
from tftransformer.layers.attention_state import (
    AttentionState,
    FixedKeyValue,
    GrowingKeyValue,
    KeyValueCache,
    LayerState,
    StackState,
)
from tftransformer.layers.convolution import Convolution
from tftransformer.layers.convolved_layer import ConvolvedLayer
from tftransformer.layers.decoder_layer import DecoderLayer
from tftransformer.layers.disentangled_attention import DisentangledAttention
from tftransformer.layers.disentangled_scorer import DisentangledScorer
from tftransformer.layers.encoder_layer import EncoderLayer
from tftransformer.layers.feed_forward import FeedForward
from tftransformer.layers.multi_head_attention import MultiHeadAttention
from tftransformer.layers.norms import Residual, ShiftedRMSNorm, make_norm
from tftransformer.layers.parallel_layer import ParallelLayer
from tftransformer.layers.relative_scorer import RelativeScorer
from tftransformer.layers.scorers import DotProductScorer
from tftransformer.layers.token_embeddings import TokenEmbeddings
from tftransformer.layers.two_stream_layer import TwoStreamLayer

__all__ = [
    "AdaptiveEmbedding",
    "AttentionState",
    "Convolution",
    "ConvolvedLayer",
    "DecoderLayer",
    "DisentangledAttention",
    "DisentangledScorer",
    "DotProductScorer",
    "EncoderLayer",
    "FeedForward",
    "FixedKeyValue",
    "GrowingKeyValue",
    "KeyValueCache",
    "LayerState",
    "MultiHeadAttention",
    "ParallelLayer",
    "RelativeScorer",
    "Residual",
    "ShiftedRMSNorm",
    "SoftmaxAttention",
    "StackState",
    "TokenEmbeddings",
    "TwoStreamLayer",
    "make_norm",
]

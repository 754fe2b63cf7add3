"""Transformer components for TensorFlow and Keras 3.

Layers, masks, stacks, models, decoding, schedules, losses and metrics need Keras alone and are
imported at once, so that Keras can load whatever it saved of them. Text, data, the Trainer, tasks,
export and plots are imported when one of their names is first used.
"""

from tftransformer.core.lazy import lazy_names
from tftransformer.decoding import BeamSearch, Greedy, Sampling
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import (
    DecoderLayer,
    DotProductScorer,
    EncoderLayer,
    FeedForward,
    MultiHeadAttention,
    TokenEmbeddings,
)
from tftransformer.masks import (
    CausalMask,
    DocumentMask,
    Mask,
    MemoryMask,
    PaddingMask,
    PermutationMask,
    PrefixMask,
    SlidingWindowMask,
    TensorMask,
)
from tftransformer.models import Transformer
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from tftransformer.stacks import Decoder, Encoder
from tftransformer.training import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LabelSmoothedCrossEntropy,
    LinearSchedule,
    Perplexity,
    TokenAccuracy,
)

__version__ = "0.1.0"

_LATER = {
    "tftransformer.data": ["Batches", "DataProcess", "everyday_corpus", "read_table"],
    "tftransformer.tasks": ["Translator", "translation_scores"],
    "tftransformer.text": ["SentencePieceTokenizer", "WordPieceTokenizer", "load_tokenizer"],
    "tftransformer.training": ["Checkpointing", "Trainer"],
    "tftransformer.visualize": ["alignment", "attention_map", "training_curves"],
}
__getattr__, __dir__ = lazy_names(globals(), _LATER)

__all__ = [
    "BeamSearch",
    "CausalMask",
    "CosineSchedule",
    "CustomSchedule",
    "Decoder",
    "DecoderLayer",
    "DocumentMask",
    "DotProductScorer",
    "Encoder",
    "EncoderLayer",
    "FeedForward",
    "Greedy",
    "InverseSquareRootSchedule",
    "LabelSmoothedCrossEntropy",
    "LanguageModelHead",
    "LearnedPositions",
    "LinearSchedule",
    "Mask",
    "MemoryMask",
    "MultiHeadAttention",
    "PaddingMask",
    "PermutationMask",
    "Perplexity",
    "PrefixMask",
    "RotaryPositions",
    "Sampling",
    "SinusoidalPositions",
    "SlidingWindowMask",
    "TensorMask",
    "TokenAccuracy",
    "TokenEmbeddings",
    "Transformer",
]
__all__ += [name for names in _LATER.values() for name in names]

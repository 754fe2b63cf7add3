"""From hidden states to answers."""

from tftransformer.heads.adaptive_softmax import AdaptiveSoftmax
from tftransformer.heads.all_tokens_pooler import AllTokensPooler
from tftransformer.heads.embedding_head import EmbeddingHead
from tftransformer.heads.language_model_head import LanguageModelHead
from tftransformer.heads.masked_language_model_head import MaskedLanguageModelHead
from tftransformer.heads.pooler import Pooler
from tftransformer.heads.sentence_head import SentenceHead
from tftransformer.heads.sequence_head import SequenceHead
from tftransformer.heads.span_beam_head import SpanBeamHead
from tftransformer.heads.token_head import TokenHead
from tftransformer.heads.transform import Transform

__all__ = [
    "AdaptiveSoftmax",
    "AllTokensPooler",
    "EmbeddingHead",
    "LanguageModelHead",
    "MaskedLanguageModelHead",
    "Pooler",
    "SentenceHead",
    "SequenceHead",
    "SpanBeamHead",
    "TokenHead",
    "Transform",
]

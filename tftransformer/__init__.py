"""Transformer components for TensorFlow and Keras 3.

Layers, masks, stacks, models, decoding, schedules, losses and metrics need Keras alone and are
imported at once, so that Keras can load whatever it saved of them. Text, data, the Trainer, tasks,
scores, serving and plots are imported when one of their names is first used. Every subpackage is an
attribute: `tftransformer.masks`, `tftransformer.text`, …
"""

from tftransformer.freed_memory import keep_freed_memory
from tftransformer.quiet_start import is_program, quiet_start

if is_program():
    from tftransformer.cli.main import answer_early

    answer_early()  # help and what is wrong need no TensorFlow

with quiet_start():
    keep_freed_memory()  # before TensorFlow's threads begin

    import keras  # noqa: F401 - with it comes TensorFlow, where that is its backend

    from tftransformer.core.compile_cache import keep_compilations

    keep_compilations()

from tftransformer.core.lazy import lazy_names
from tftransformer.decoding import (
    BeamSearch,
    ContrastiveSearch,
    DecodingStep,
    Greedy,
    Processor,
    Sampling,
    Strategy,
)
from tftransformer.heads import (
    AdaptiveSoftmax,
    AllTokensPooler,
    EmbeddingHead,
    LanguageModelHead,
    MaskedLanguageModelHead,
    Pooler,
    SentenceHead,
    SequenceHead,
    SpanBeamHead,
    TokenHead,
)
from tftransformer.layers import (
    DecoderLayer,
    DotProductScorer,
    EncoderLayer,
    FeedForward,
    MultiHeadAttention,
    RelativeScorer,
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
from tftransformer.models import (
    T5,
    XLM,
    Albert,
    Bart,
    Bert,
    Camembert,
    DistilBert,
    Electra,
    EncoderDecoder,
    Gpt,
    Gpt2,
    MBart,
    ReplacedTokenModel,
    Roberta,
    SentenceModel,
    StackModel,
    T5Encoder,
    Transformer,
    TransformerXL,
    XLMRoberta,
    XLNet,
)
from tftransformer.positions import (
    BucketedBias,
    LearnedPositions,
    RotaryPositions,
    SinusoidalPositions,
)
from tftransformer.stacks import Decoder, Encoder, RecurrentEncoder, TwoStreamEncoder
from tftransformer.training import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LabelSmoothedCrossEntropy,
    LinearSchedule,
    OneCycleSchedule,
    Perplexity,
    SlantedTriangularSchedule,
    TokenAccuracy,
)
from tftransformer.version import __version__

_LATER = {
    "tftransformer": [
        "data",
        "objectives",
        "pretrained",
        "scores",
        "serving",
        "tasks",
        "text",
        "visualize",
    ],
    "tftransformer.data": ["Batches", "DataProcess", "everyday_corpus", "read_table"],
    "tftransformer.objectives": [
        "Choices",
        "Answers",
        "Classes",
        "Contrast",
        "Denoising",
        "Entities",
        "Examples",
        "Joint",
        "MaskedTokens",
        "NextSentence",
        "NextToken",
        "Numbers",
        "Objective",
        "Permutation",
        "PrefixLM",
        "ReplacedTokens",
        "SentenceOrder",
        "Sentences",
        "SequenceToSequence",
        "SpanCorruption",
        "TranslationLM",
        "WordLabels",
    ],
    "tftransformer.pretrained": ["from_pretrained", "save_pretrained"],
    "tftransformer.scores": [
        "Tree",
        "best_sentences",
        "bracket_scores",
        "classification_scores",
        "entity_scores",
        "perplexity_scores",
        "rouge_scores",
        "span_scores",
        "sentence_bleu",
        "spans_to_tags",
        "squad_scores",
        "tags_to_spans",
        "translation_scores",
    ],
    "tftransformer.tasks": [
        "ExtractiveSummarizer",
        "FillMask",
        "MultipleChoice",
        "Parser",
        "QuestionAnswerer",
        "SequenceParser",
        "Summarizer",
        "Task",
        "TextClassifier",
        "TextEmbedder",
        "TextGenerator",
        "TokenClassifier",
        "Translator",
        "load",
        "pipeline",
    ],
    "tftransformer.text": [
        "SentencePieceTokenizer",
        "Template",
        "Tokenizer",
        "WordPieceTokenizer",
        "load_tokenizer",
    ],
    "tftransformer.training": [
        "BlockedCrossEntropy",
        "CarriedMemory",
        "Carry",
        "Checkpointing",
        "GradientRule",
        "TrainStep",
        "Trainer",
        "recipes",
    ],
    "tftransformer.visualize": [
        "alignment",
        "attention_map",
        "learning_rate_curve",
        "training_curves",
    ],
}
__getattr__, __dir__ = lazy_names(globals(), _LATER)

__all__ = [
    "T5",
    "XLM",
    "AdaptiveSoftmax",
    "Albert",
    "AllTokensPooler",
    "Bart",
    "BeamSearch",
    "Bert",
    "BucketedBias",
    "Camembert",
    "CausalMask",
    "ContrastiveSearch",
    "CosineSchedule",
    "CustomSchedule",
    "Decoder",
    "DecoderLayer",
    "DecodingStep",
    "DistilBert",
    "DocumentMask",
    "DotProductScorer",
    "Electra",
    "EmbeddingHead",
    "Encoder",
    "EncoderDecoder",
    "EncoderLayer",
    "FeedForward",
    "Gpt",
    "Gpt2",
    "Greedy",
    "InverseSquareRootSchedule",
    "LabelSmoothedCrossEntropy",
    "LanguageModelHead",
    "LearnedPositions",
    "LinearSchedule",
    "MBart",
    "Mask",
    "MaskedLanguageModelHead",
    "MemoryMask",
    "MultiHeadAttention",
    "OneCycleSchedule",
    "PaddingMask",
    "PermutationMask",
    "Perplexity",
    "Pooler",
    "PrefixMask",
    "Processor",
    "RecurrentEncoder",
    "RelativeScorer",
    "ReplacedTokenModel",
    "Roberta",
    "RotaryPositions",
    "Sampling",
    "SentenceHead",
    "SentenceModel",
    "SequenceHead",
    "SinusoidalPositions",
    "SlantedTriangularSchedule",
    "SlidingWindowMask",
    "SpanBeamHead",
    "StackModel",
    "Strategy",
    "T5Encoder",
    "TensorMask",
    "TokenAccuracy",
    "TokenEmbeddings",
    "TokenHead",
    "Transformer",
    "TransformerXL",
    "TwoStreamEncoder",
    "XLMRoberta",
    "XLNet",
    "__version__",
]
__all__ += [name for names in _LATER.values() for name in names]

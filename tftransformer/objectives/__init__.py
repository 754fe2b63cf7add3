"""Objectives: they turn columns into inputs, labels and weights, and know the loss for them."""

from tftransformer.objectives.answers import Answers
from tftransformer.objectives.choices import Choices
from tftransformer.objectives.classes import Classes
from tftransformer.objectives.columns import (
    Column,
    Following,
    IsReal,
    MultiHot,
    Stacked,
    Tokens,
    Values,
)
from tftransformer.objectives.contrast import Contrast
from tftransformer.objectives.denoising import Denoising
from tftransformer.objectives.entities import Entities
from tftransformer.objectives.examples import (
    ColumnExamples,
    Concatenated,
    DrawnExamples,
    Examples,
)
from tftransformer.objectives.joint import Joint
from tftransformer.objectives.masked_tokens import MaskedTokens
from tftransformer.objectives.next_sentence import NextSentence, SentenceOrder
from tftransformer.objectives.next_token import NextToken
from tftransformer.objectives.numbers import Numbers
from tftransformer.objectives.objective import Objective
from tftransformer.objectives.permutation import Permutation
from tftransformer.objectives.pieces import Pieces
from tftransformer.objectives.prefix_lm import PrefixLM
from tftransformer.objectives.replaced_tokens import ReplacedTokens
from tftransformer.objectives.sentences import Sentences
from tftransformer.objectives.sequence_to_sequence import SequenceToSequence
from tftransformer.objectives.span_corruption import SpanCorruption
from tftransformer.objectives.text_rows import TextRows
from tftransformer.objectives.translation_lm import TranslationLM
from tftransformer.objectives.word_labels import WordLabels

__all__ = [
    "Answers",
    "Choices",
    "Classes",
    "Column",
    "ColumnExamples",
    "Concatenated",
    "Contrast",
    "Denoising",
    "DrawnExamples",
    "Entities",
    "Examples",
    "Following",
    "IsReal",
    "Joint",
    "MaskedTokens",
    "MultiHot",
    "NextSentence",
    "NextToken",
    "Numbers",
    "Objective",
    "Permutation",
    "Pieces",
    "PrefixLM",
    "ReplacedTokens",
    "SentenceOrder",
    "Sentences",
    "SequenceToSequence",
    "SpanCorruption",
    "Stacked",
    "TextRows",
    "Tokens",
    "TranslationLM",
    "Values",
    "WordLabels",
]

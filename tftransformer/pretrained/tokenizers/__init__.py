"""Tokenizers out of their descriptions: a file for each kind."""

from collections.abc import Callable

from tftransformer.pretrained.tokenizer_description import (
    Bpe,
    SentencePiece,
    TokenizerDescription,
    Unigram,
    WordPiece,
)
from tftransformer.pretrained.tokenizers import bpe, byte_bpe, sentencepiece, wordpiece
from tftransformer.text import Tokenizer

# Who makes a tokenizer of each kind.
MAKERS: dict[str, Callable[[TokenizerDescription], Tokenizer]] = {
    "WordPiece": wordpiece.make,
    "SentencePiece": sentencepiece.make,
    "Unigram": sentencepiece.make_unigram,
    "BPE over raw text": sentencepiece.make_bpe,
    "byte BPE": byte_bpe.make,
    "character BPE": bpe.make,
}


def make_tokenizer(description: TokenizerDescription) -> Tokenizer:
    """The tokenizer that a description tells of.

    Raises:
        ValueError: it asks for something that is not there; says what.
    """
    kind = _kind(description)
    if kind not in MAKERS:
        raise ValueError(f"there is no tokenizer of the kind {kind}; known: {', '.join(MAKERS)}")
    return MAKERS[kind](description)


def _kind(description: TokenizerDescription) -> str:
    """What cuts, and over what: bytes, characters, or raw text as SentencePiece does."""
    model = description.model
    if isinstance(model, WordPiece):
        return "WordPiece"
    if isinstance(model, SentencePiece):
        return "SentencePiece"
    if isinstance(model, Unigram):
        return "Unigram"
    if isinstance(model, Bpe):
        steps = {step.kind for step in (*description.normalizer, *description.pre_tokenizer)}
        if "ByteLevel" in steps:
            return "byte BPE"
        return "character BPE" if model.end_of_word_suffix else "BPE over raw text"
    return type(model).__name__

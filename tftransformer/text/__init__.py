"""Tokenizers: strings to ids and back, in the graph and outside of it."""

from tftransformer.text.added_tokens import AddedToken
from tftransformer.text.bpe_tokenizer import BpeTokenizer
from tftransformer.text.byte_bpe_tokenizer import ByteBpeTokenizer
from tftransformer.text.encoding import Encoding
from tftransformer.text.given_words import GivenWords, words_between_blanks
from tftransformer.text.load import load_tokenizer
from tftransformer.text.registry import register
from tftransformer.text.sentencepiece_tokenizer import SentencePieceTokenizer
from tftransformer.text.sentences import sentence_numbers, sentence_places, sentences
from tftransformer.text.spelling import NUM_SPELLINGS, spelling_ids
from tftransformer.text.template import Template
from tftransformer.text.tokenizer import Tokenizer
from tftransformer.text.truncation import truncate, truncate_in_graph
from tftransformer.text.white_space import without_white_ends
from tftransformer.text.windows import (
    Windows,
    check_stride,
    deciding_pieces,
    deciding_windows,
    lay_windows,
    word_pieces,
)
from tftransformer.text.wordpiece_tokenizer import WordPieceTokenizer

__all__ = [
    "NUM_SPELLINGS",
    "AddedToken",
    "BpeTokenizer",
    "ByteBpeTokenizer",
    "Encoding",
    "GivenWords",
    "SentencePieceTokenizer",
    "Template",
    "Tokenizer",
    "Windows",
    "WordPieceTokenizer",
    "check_stride",
    "deciding_pieces",
    "deciding_windows",
    "lay_windows",
    "load_tokenizer",
    "register",
    "sentence_numbers",
    "sentence_places",
    "sentences",
    "spelling_ids",
    "truncate",
    "truncate_in_graph",
    "without_white_ends",
    "word_pieces",
    "words_between_blanks",
]

"""From sub-word pieces to words."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tftransformer.visualize.weights import checked_weights

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
# `<s>`, `</s>`, `<pad>`, `[CLS]`, `[END]`; an unknown piece is text like any other.
_SPECIAL = re.compile(r"<(?!0x|unk>)[^<>\s]+>|\[(?!UNK\])[A-Z]+\]")


def merge_pieces(weights: Any, query_tokens: Sequence[str], key_tokens: Sequence[str]) -> Any:
    """Merges attention between sub-word pieces to attention between words.

    Attention *to* a word is the **sum** of the attention to its pieces: together they receive
    what the word receives. Attention *from* a word is the **mean** over its pieces: each piece
    distributes a whole unit, and so does the word. Rows that summed to 1 still do.

    A word starts at a piece with SentencePiece's leading `▁`, or, in text without any, at each
    piece without WordPiece's leading `##`. Special tokens (`<s>`, `</s>`, `[CLS]`) and
    punctuation at the end of a word stand alone. Byte pieces (`<0xE2>`) are decoded.

    Args:
        weights: float array (..., queries, keys), after the softmax.
        query_tokens: sequence of `queries` pieces, as a tokenizer's `tokens(ids)` gives them.
        key_tokens: sequence of `keys` pieces; for self-attention the same again.

    Returns:
        A tuple: float64 array (..., query words, key words), list of the query words, list of
        the key words.

    Raises:
        ValueError: the weights do not fit the tokens, or are no attention weights.

    Example:

    >>> weights = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]
    >>> merge_pieces(weights, ["▁Hund", "e"], ["▁the", "▁dog", "s"])
    (array([[0.25, 0.75]]), ['Hunde'], ['the', 'dogs'])
    """
    weights = checked_weights(weights, query_tokens, key_tokens)
    query_starts, query_words = _words(query_tokens)
    key_starts, key_words = _words(key_tokens)
    weights = np.add.reduceat(weights, key_starts, axis=-1)
    weights = np.add.reduceat(weights, query_starts, axis=-2)
    pieces = np.diff([*query_starts, len(query_tokens)])
    return weights / pieces[:, None], query_words, key_words


def _words(tokens: Any) -> Any:
    """Returns where each word starts in `tokens`, and the words."""
    spaced = any(token.startswith("▁") for token in tokens)
    starts = [len(tokens)]
    for index in reversed(range(len(tokens))):
        # From the right: punctuation closes a word when the next word starts behind it.
        if (
            index == 0
            or _SPECIAL.fullmatch(tokens[index])
            or _SPECIAL.fullmatch(tokens[index - 1])
            or (_is_punctuation(tokens[index]) and starts[0] == index + 1)
            or (tokens[index].startswith("▁") if spaced else not tokens[index].startswith("##"))
        ):
            starts.insert(0, index)
    words = [_text(tokens[start:end], spaced) for start, end in pairwise(starts)]
    return starts[:-1], words


def _is_punctuation(token: str) -> bool:
    return bool(token) and all(unicodedata.category(char).startswith("P") for char in token)


def _text(pieces: Sequence[str], spaced: bool) -> Any:
    def encoded(piece: str) -> Any:
        if byte := _BYTE.fullmatch(piece):
            return bytes.fromhex(byte[1])
        return (piece if spaced else piece.removeprefix("##")).encode()

    text = b"".join(map(encoded, pieces)).decode("utf-8", errors="replace")
    return text.removeprefix("▁") or text

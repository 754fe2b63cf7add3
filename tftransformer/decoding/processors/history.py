"""Processors that look back at the tokens of the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import check_ints, check_numbers, is_int, register, require
from tftransformer.core.selection import pick
from tftransformer.decoding.processors.processor import Processor, of_rows


@register
@dataclass(frozen=True)
class RepetitionPenalty(Processor):
    """Makes tokens that the row already contains less likely: `s·p` if `s < 0`, else `s/p`.

    It applies once to a token, however often that occurs; the prompt belongs to the row.

    Args:
        penalty: float > 0, p; 1 changes nothing, below 1 encourages repetition.

    Reference: Keskar et al. 2019, "CTRL", §4.1.
    """

    penalty: float

    def __post_init__(self) -> None:
        check_numbers(0, penalty=self.penalty)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        so_far = ops.broadcast_to(ops.arange(_width(ids)) < of_rows(lengths), ops.shape(ids))
        penalized = ops.where(scores < 0, scores * self.penalty, scores / self.penalty)
        return ops.where(_marked(ids, so_far, scores), penalized, scores)


@register
@dataclass(frozen=True)
class NoRepeatNgrams(Processor):
    """Bans each token that would complete an n-gram that the row already contains.

    The prompt belongs to the row.

    Args:
        size: int ≥ 1, n; 1 lets no token occur twice.

    Reference: Paulus et al. 2017, "A Deep Reinforced Model for Abstractive Summarization", §2.5.
    """

    size: int

    def __post_init__(self) -> None:
        check_ints(1, size=self.size)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        # Window i is the n-1 tokens from column i and the one that completed them.
        completing = ids[:, self.size - 1 :]
        windows = _width(completing)
        repeats = ops.arange(windows) + self.size <= of_rows(lengths)
        repeats = ops.broadcast_to(repeats, ops.shape(completing))
        tail = _last_tokens(ids, lengths, self.size - 1)
        for offset in range(self.size - 1):
            same = ids[:, offset : offset + windows] == tail[:, offset : offset + 1]
            repeats = ops.logical_and(repeats, same)
        return ops.where(_marked(completing, repeats, scores), -np.inf, scores)


@register
@dataclass(frozen=True)
class BadWords(Processor):
    """Bans words, given as token ids.

    The last token of a word is banned where the row ends with all tokens before it.

    Args:
        words: sequence of non-empty sequences of token ids, such as `((7,), (5, 6))`.
    """

    words: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        valid = not isinstance(self.words, str) and len(self.words) > 0
        expected = "a non-empty sequence of non-empty sequences of ids ≥ 0, such as ((7,), (5, 6))"
        for word in self.words if valid else ():
            valid = valid and isinstance(word, Sequence) and len(word) > 0
            valid = valid and all(is_int(token, 0) for token in word)
        require(valid, "words", self.words, expected)
        object.__setattr__(self, "words", tuple(tuple(word) for word in self.words))

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        for size in sorted({len(word) for word in self.words}):
            words = np.array([word for word in self.words if len(word) == size], "int32")
            tail = _last_tokens(ids, lengths, size - 1)
            begun = ops.all(tail[:, None, :] == words[None, :, :-1], axis=-1)
            begun = ops.logical_and(begun, of_rows(lengths) >= size - 1)
            last = ops.broadcast_to(words[:, -1], ops.shape(begun))
            scores = ops.where(_marked(last, begun, scores), -np.inf, scores)
        return scores


def _width(ids: Any) -> Any:
    return ops.shape(ids)[1]


def _last_tokens(ids: Any, lengths: Any, count: Any) -> Any:
    """The `count` tokens (rows, count) before column `lengths`; anything where there are none."""
    columns = ops.maximum(ops.arange(count, dtype="int32") + (of_rows(lengths) - count), 0)
    columns = ops.broadcast_to(columns, (ops.shape(ids)[0], count))
    return pick(ids, columns)


def _marked(tokens: Any, flags: Any, scores: Any) -> Any:
    """Bool tensor like `scores` (rows, vocab): True for each token (rows, n) with a flag.

    Ids beyond the vocabulary mark nothing.
    """
    rows, vocabulary = ops.shape(scores)
    flags = ops.logical_and(flags, tokens < vocabulary)
    tokens = ops.minimum(tokens, vocabulary - 1)
    places = tokens + ops.arange(rows, dtype="int32")[:, None] * vocabulary
    counts = ops.scatter(
        ops.reshape(places, (-1, 1)),
        ops.reshape(ops.cast(flags, "int32"), (-1,)),
        (rows * vocabulary,),
    )
    return ops.reshape(counts, (-1, vocabulary)) > 0

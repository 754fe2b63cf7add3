"""Denoising: restore a text whose spans were masked and whose sentences were shuffled."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_numbers, register, require, splits_of
from tftransformer.objectives.columns import Tokens, numbers_in_batch
from tftransformer.objectives.drawing import chosen, moved_to_front, spread, uniform
from tftransformer.objectives.examples import ColumnExamples, DrawnExamples
from tftransformer.objectives.objective import TEXT, Columns, special_id
from tftransformer.objectives.pieces import Pieces
from tftransformer.objectives.sequence_to_sequence import SequenceToSequence

AT_ONCE = 4096  # rows whose lengths are drawn at a time


@register
class Denoising(SequenceToSequence):
    """The decoder restores a text from a corrupted source (BART, Lewis et al. 2020, §2.2).

    It applies the two kinds of noise of the paper's final model. First the sentences of a text are
    put in a random order, all orders being equally likely. Then spans are each replaced by a single
    mask token (text infilling): span lengths are drawn from a Poisson distribution until
    round(`share` · n) of n tokens are masked, in at most as many draws, and the last span is cut to
    fit. A span of length 0 is a mask inserted between two tokens; it is skipped if masks would then
    outnumber the tokens masked so far, so no source is longer than its text. All placements of the
    spans with at least one token between them are equally likely.

    For the row `a b c . d e f .`, with the spans `c` and `e f` masked:

    | | | | | | | | | | |
    |---|---|---|---|---|---|---|---|---|---|
    | `source_ids` | d | mask | . | a | b | mask | . | end | |
    | `target_ids` | start | a | b | c | . | d | e | f | . |
    | labels | a | b | c | . | d | e | f | . | end |

    Draws depend only on (seed, epoch, row). There is one column, of texts of any length: long ones
    make several rows. The axes are `("source", "target")`.

    Args:
        share: share of the tokens to mask.
        mean_length: mean length of a span.
        permute: whether sentences are shuffled.
        smoothing, start_id, before, output: see `SequenceToSequence`. BART's own rows, `<s> a </s>`
            on both sides with `</s>` as the start token, are made by `before=[0], start_id=2`.

    Example:

    >>> data = tt.DataProcess("en", objective=Denoising(), vocab_size=500)
    >>> train, validation = data.prepare(tt.everyday_corpus(size=1000).train)
    >>> inputs, labels, weights = next(train.iterate())
    >>> mask = data.tokenizers[0].special_ids["mask"]
    >>> mask in inputs["source_ids"], mask in labels
    (True, False)
    """

    forms = ((TEXT,),)
    takes = "one column, of texts"
    hides_tokens = True
    in_sentences = True
    stride = 0

    def __init__(
        self,
        share: float = 0.3,
        mean_length: float = 3.0,
        *,
        permute: bool = True,
        smoothing: float = 0.1,
        start_id: int | None = None,
        before: Sequence[int] | None = None,
        output: str | None = None,
    ):
        super().__init__(smoothing, start_id=start_id, before=before, output=output)
        require(0 <= share < 1, "share", share, "a number from 0 to below 1")
        check_numbers(0, mean_length=mean_length)
        self.share, self.mean_length, self.permute = share, mean_length, permute

    def num_special(self, template: Any, texts: int) -> int:
        return 1 + len(self.before or ())

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        """See `Objective.examples`; the column is `Pieces`, whose words are sentences."""
        (pieces,) = columns
        plain: Any = super().examples([pieces.windows] * 2, [tokenizers[0]] * 2)
        mask = special_id(tokenizers[0], "mask", "Denoising")

        def make(draw: tuple[int, int] | None) -> Any:
            noised = _Noised(plain.inputs["source_ids"], pieces, self, mask, draw)
            return {**plain.inputs, "source_ids": noised}, plain.labels, plain.weights

        return DrawnExamples(make, varies=True)


class _Noised(Tokens):
    """The texts of a source, spoilt.

    Args:
        plain: the source as it was.
        pieces: pieces of the texts.
        objective: says how much is left out.
        mask: the id that stands for a span.
        draw: seed and epoch; None: lengths are what any draw may give.
    """

    def __init__(
        self,
        plain: Tokens,
        pieces: Pieces,
        objective: Denoising,
        mask: int,
        draw: tuple[int, int] | None,
    ):
        super().__init__(plain.ids, "source", plain.fill, plain.before, plain.after)
        self.sentences: Ragged = pieces.word_numbers
        self.objective, self.mask, self.draw = objective, mask, draw
        self._below = _poisson(objective.mean_length)

    def lengths(self, axis: str) -> np.ndarray:
        if self.draw is None:
            return super().lengths(axis)
        parts = [
            self.lengths_of(np.arange(start, min(start + AT_ONCE, len(self))))
            for start in range(0, len(self), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        sizes, count = self._spans(rows, self.ids.lengths_of(rows))
        return super().lengths_of(rows) + count - sizes.sum(axis=1)

    def _spans(self, rows: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many tokens each span has, int (rows, spans), 0 behind the last; their number."""
        noise = np.round(lengths * self.objective.share).astype(np.int64)[:, None]
        column = np.arange(noise.max(initial=0))
        drawn = uniform(self.draw or (0, 0), rows, len(column), stream=0)
        sizes = np.searchsorted(self._below, drawn, side="right")
        before = np.cumsum(sizes, axis=1) - sizes
        sizes = np.minimum(sizes, np.maximum(noise - before, 0))
        # Each span has a gap of its own among the tokens that are left.
        fits = column + before + sizes <= lengths[:, None]
        used = (column < noise) & (before < noise) & fits & ((sizes > 0) | (column < before))
        order = np.argsort(~used, axis=1, kind="stable")
        return np.take_along_axis(np.where(used, sizes, 0), order, axis=1), used.sum(axis=1)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        lengths = self.ids.lengths_of(rows)
        ids = self.ids.dense(rows, int(lengths.max()) + 1, self.fill)
        column = np.arange(ids.shape[1])
        if self.objective.permute:
            ids = np.take_along_axis(ids, self._order(rows, lengths, ids.shape[1]), axis=1)
        sizes, count = self._spans(rows, lengths)
        gaps = column <= (lengths - sizes.sum(axis=1))[:, None]
        gaps = chosen(self.draw or (0, 0), rows, gaps, count, stream=1)
        begins, inside = spread(gaps, sizes, lengths)
        real = column < lengths[:, None]
        each = (len(rows), 2 * ids.shape[1])  # a mask, perhaps, before each token
        masks = np.full(ids.shape, self.mask, np.int32)
        spoilt = np.stack([masks, ids], axis=2).reshape(each)
        kept = np.stack([begins, real & ~inside], axis=2).reshape(each)
        ids, real = moved_to_front(spoilt, kept, each[1], self.fill)
        whole = Ragged(ids[real], splits_of(real.sum(axis=1)))
        numbers = numbers_in_batch(rows)
        return whole.dense(numbers, widths["source"], self.fill, self.before, self.after)

    def _order(self, rows: np.ndarray, lengths: np.ndarray, width: int) -> np.ndarray:
        """The columns of the tokens once sentences are shuffled: int (rows, width)."""
        sentence = self.sentences.dense(rows, width)
        keys = uniform(self.draw or (0, 0), rows, int(sentence.max()) + 1, stream=2)
        keys = np.take_along_axis(keys, sentence, axis=1)
        real = np.arange(width) < lengths[:, None]
        return np.argsort(np.where(real, keys, 2.0), axis=1, kind="stable")


def _poisson(mean: float) -> np.ndarray:
    """The probabilities of at most 0, 1, 2, … up to where nothing is left to tell."""
    terms = (math.exp(-mean) * mean**k / math.factorial(k) for k in range(int(10 * mean) + 30))
    return np.array(list(itertools.accumulate(terms)))

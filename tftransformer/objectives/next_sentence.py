"""Next sentence and sentence order: whether one stretch of text follows another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_numbers, register
from tftransformer.objectives.columns import Column, once_per_batch
from tftransformer.objectives.drawing import uniform
from tftransformer.objectives.examples import ColumnExamples, DrawnExamples
from tftransformer.objectives.objective import TEXT, Columns
from tftransformer.objectives.pieces import Pieces
from tftransformer.objectives.text_rows import TextRows


@register
class NextSentence(TextRows):
    """Whether the second of two stretches follows the first in its text (Devlin et al. 2019).

    Texts of any length are split into full rows. Each row is cut in two at the beginning of a
    sentence, all being equally likely, or anywhere if there is none. With the probability `share`
    the second stretch is then replaced by that of a row of another text, no longer than the true
    one (§A.2 of the paper). Labels are int (batch,): 0 for the stretch that followed, 1 for another
    text, like the labels "next" and "random" of the head. A row of one token has the weight 0.
    Draws depend only on (seed, epoch, row).

    There is one column of texts; inputs are those of `TextRows` for two texts. With masked tokens
    it is BERT's pre-training: `Joint([NextSentence(), MaskedTokens()])`.

    Args:
        share: share of the rows whose second stretch comes from another text.
        output: see `TextRows`.

    Example:

    >>> frame = tt.everyday_corpus(size=1000).train
    >>> data = tt.DataProcess("en", objective=NextSentence(), tokenizer="wordpiece", vocab_size=200)
    >>> inputs, labels, weights = next(data.fit(frame).batches(frame).iterate())
    >>> sorted(inputs), sorted(set(labels["next_sentence"].tolist()))
    (['padding_mask', 'segment_ids', 'token_ids'], [0, 1])
    """

    forms = ((TEXT,),)
    takes = "one column, of texts with sentences that follow each other"
    num_labels = 0
    in_sentences = True
    stride = 0

    def __init__(self, share: float = 0.5, output: str | None = "next_sentence"):
        super().__init__(output)
        check_numbers(0, 1, share=share)
        self.share = share

    def num_special(self, template: Any, texts: int) -> int:
        return template.num_special(True)

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
        self.check(pieces)

        def make(draw: tuple[int, int] | None) -> Any:
            pairs = _Pairs(pieces, self, draw or (0, 0))
            inputs = self.inputs([_Part(pairs, 0), _Part(pairs, 1)], tokenizers[0], template)
            return inputs, self.by_output(_Label(pairs)), self.by_output(_Weight(pairs))

        return DrawnExamples(make)

    def check(self, pieces: Pieces) -> None:
        """Raises a ValueError where there is nothing to draw from."""
        if len(np.unique(pieces.rows[pieces.places.lengths > 1])) < 2:
            raise ValueError(
                "NextSentence takes second stretches from other texts, and there are not two texts "
                "of more than one token: give each document a row of the table."
            )

    def stretches(self, pairs: "_Pairs", rows: np.ndarray) -> tuple[Any, Any, np.ndarray]:
        """Draws both stretches of the chosen rows, each as rows, starts and lengths; and labels."""
        drawn = uniform(pairs.draw, rows, 2, stream=1)
        begin, end = (pairs.usable_before(rows, side) for side in ("left", "right"))
        other = (drawn[:, 1] * (len(pairs.usable) - (end - begin))).astype(np.int64)
        other = pairs.usable[other + np.where(other >= begin, end - begin, 0)]
        is_other = (drawn[:, 0] < self.share) & (rows >= 0)
        cut, lengths = pairs.cuts(rows), pairs.ids.lengths_of(rows)
        of = np.where(is_other, other, rows)
        start = pairs.cuts(of)
        length = np.minimum(pairs.ids.lengths_of(of) - start, lengths - cut)
        return (rows, np.zeros_like(cut), cut), (of, start, length), is_other


@register
class SentenceOrder(NextSentence):
    """Whether two stretches of a text are in their order (ALBERT, Lan et al. 2020, §3.1).

    Like `NextSentence`, but with the probability `share` the two stretches of a row are swapped.
    Labels are 0 for the original order, 1 for swapped stretches.

    Args:
        share: share of the rows that are swapped.
        output: see `TextRows`; by default the head of `NextSentence`.
    """

    def check(self, pieces: Pieces) -> None:
        """There is nothing to check: both stretches are of one row."""

    def stretches(self, pairs: "_Pairs", rows: np.ndarray) -> tuple[Any, Any, np.ndarray]:
        swapped = (uniform(pairs.draw, rows, 1, stream=1)[:, 0] < self.share) & (rows >= 0)
        cut, lengths = pairs.cuts(rows), pairs.ids.lengths_of(rows)
        swapped &= lengths > 1
        first = rows, np.where(swapped, cut, 0), np.where(swapped, lengths - cut, cut)
        second = rows, np.where(swapped, 0, cut), np.where(swapped, cut, lengths - cut)
        return first, second, swapped


class _Pairs:
    """Two stretches for each row.

    Args:
        pieces: the texts; what they call words are sentences.
        objective: draws the stretches.
        draw: seed and epoch.
    """

    def __init__(self, pieces: Pieces, objective: NextSentence, draw: tuple[int, int]):
        self.ids, self.sentences, self.draw = pieces.windows, pieces.word_numbers, draw
        self._objective, self._texts = objective, pieces.rows
        self.usable = np.flatnonzero(self.ids.lengths > 1)

    def usable_before(self, rows: np.ndarray, side: Any) -> np.ndarray:
        """How many usable rows stand before those of the text of each row, or behind ("right")."""
        return np.searchsorted(self._texts[self.usable], self._texts[rows], side)

    def cuts(self, rows: np.ndarray) -> np.ndarray:
        """How many tokens of each row are its first stretch: int64 (chosen,)."""
        lengths = self.ids.lengths_of(rows)
        column = np.arange(1, max(int(lengths.max(initial=0)), 2))
        numbers = self.sentences.dense(rows, len(column) + 1)
        inside = column < lengths[:, None]
        begins = inside & (numbers[:, 1:] != numbers[:, :-1])
        may = np.where(begins.any(axis=1)[:, None], begins, inside)
        drawn = np.where(may, uniform(self.draw, rows, len(column), stream=0), -1.0)
        return np.minimum(1 + np.argmax(drawn, axis=1), lengths)

    @once_per_batch
    def of(self, rows: np.ndarray) -> tuple[Any, ...]:
        """Both stretches of the chosen rows, and their labels."""
        first, second, labels = self._objective.stretches(self, rows)
        return self.ids.stretches(*first), self.ids.stretches(*second), labels


class _Part:
    """The first or the second stretches, as the texts that `TextRows.inputs` joins."""

    def __init__(self, pairs: _Pairs, which: int):
        self.pairs, self.which = pairs, which

    def __len__(self) -> int:
        return len(self.pairs.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Together no more than the row."""
        return self.pairs.ids.lengths * (self.which == 0)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        return self.pairs.of(rows)[self.which].lengths

    def take(self, rows: np.ndarray) -> Ragged:
        return self.pairs.of(rows)[self.which]


class _Label(Column):
    """What the second stretches are: int32 (chosen,)."""

    def __init__(self, pairs: _Pairs):
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs.ids)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        return self.pairs.of(rows)[2].astype(np.int32)


class _Weight(_Label):
    """1 for each row that can be cut, else 0: float32 (chosen,)."""

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        return (self.pairs.ids.lengths_of(rows) > 1).astype(np.float32)

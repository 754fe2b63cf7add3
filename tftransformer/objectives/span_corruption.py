"""Span corruption: spans of a text are removed, and the decoder writes them."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_ints, check_numbers, register, require
from tftransformer.objectives.drawing import chosen, moved_to_front, spread
from tftransformer.objectives.examples import Examples
from tftransformer.objectives.next_token import cut
from tftransformer.objectives.objective import TEXT, Columns, Objective, special_id

SENTINEL = re.compile(r"<extra_id_(\d+)>")


@register
class SpanCorruption(Objective):
    """Spans of a text are removed, and the decoder writes them (Raffel et al. 2020, §3.1.4).

    A sentinel replaces each span in the source, and precedes it in the labels. For the row `a b c d
    e f`, with the spans `b c` and `f` removed:

    | | | | | | | |
    |---|---|---|---|---|---|---|
    | `source_ids` | a | S1 | d | e | S2 | end |
    | `target_ids` | start | S1 | b | c | S2 | f |
    | labels | S1 | b | c | S2 | f | end |

    A row of n tokens loses round(`share` · n) of them, in round(lost / `mean_length`) spans, at
    least one of each. All ways to divide the lost tokens into so many spans are equally likely, and
    all placements with at least one token between spans. T5's own code makes each row end with a
    span, which leaves nothing to be drawn in rows of 30 tokens or fewer; here spans may be
    anywhere. As in that code, the end token takes the place of the last sentinel shown in the
    paper. Special tokens are never removed, and divide a span that they fall into; a row of one
    token is kept whole. Draws depend only on (seed, epoch, row). There is one column, of texts of
    any length: a text whose source or labels might exceed `max_length` makes several rows. The axes
    are `("source", "target")`.

    Sentinels are the tokens `<extra_id_0>`, `<extra_id_1>`, … of the tokenizer. If it has none,
    sentinels get the ids after its vocabulary, the last id being the first sentinel, as in T5: the
    `vocab_size` of the model must then be that of the tokenizer plus `sentinels`.

    Args:
        share: share of the tokens that are left out.
        mean_length: mean length of a span.
        sentinels: number of sentinel ids after the vocabulary, if the tokenizer has none. No row
            has more spans than there are sentinels.
        smoothing: float in [0, 1), probability mass that the loss spreads over the vocabulary.
        start_id: id of the token that targets begin with; default: the start token of the
            tokenizer.
        output: name of the model output that holds the logits. None: the model has one output.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 1, "end": 2}, vocab_size=20)
    >>> objective = SpanCorruption(sentinels=10)
    >>> examples = objective.examples([Ragged.from_rows([range(5, 17)])], [tokenizer])
    >>> examples.lengths.tolist()
    [[12, 4]]
    >>> inputs, labels, _ = examples.of_epoch(seed=1, epoch=0).batch(np.array([0]), widths=(12, 4))
    >>> inputs["source_ids"].tolist()
    [[5, 6, 7, 8, 9, 10, 29, 13, 14, 15, 16, 2]]
    >>> inputs["target_ids"].tolist(), labels.tolist()
    ([[1, 29, 11, 12]], [[29, 11, 12, 2]])
    """

    forms = ((TEXT,),)
    takes = "one column, of texts"
    too_long = "blocks"

    def __init__(
        self,
        share: float = 0.15,
        mean_length: float = 3.0,
        *,
        sentinels: int = 100,
        smoothing: float = 0.0,
        start_id: int | None = None,
        output: str | None = None,
    ):
        check_numbers(0, 1, share=share)
        require(mean_length >= 1, "mean_length", mean_length, "a number of at least 1")
        check_ints(1, sentinels=sentinels)
        self.share, self.mean_length, self.sentinels = share, mean_length, sentinels
        self.smoothing, self.start_id, self.output = smoothing, start_id, output

    def num_special(self, template: Any, texts: int) -> int:
        """One: the end, of the source as of the labels."""
        return 1

    def blocks(self, documents: Ragged, tokenizer: Any, room: int) -> list[Ragged]:
        """Cuts documents so that source and labels have room, whatever is drawn.

        Blocks are of as many ids as find room where none is special (568 for a `max_length` of
        512); one in which special tokens part too many spans for that is halved.
        """
        most = room + 1  # with the end
        while True:
            made = CorruptedExamples(documents, self, tokenizer)
            is_long = (made.lengths > most).any(axis=1)
            if not is_long.any():
                return [documents]
            lengths, full = documents.lengths, made.longest_within(most)
            size = np.where(lengths > full, full, -(-lengths // 2))
            documents = cut(documents, np.where(is_long, size, np.maximum(lengths, 1)))

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> "CorruptedExamples":
        return CorruptedExamples(columns[0], self, tokenizers[0])

    def sentinel_ids(self, tokenizer: Any) -> np.ndarray:
        """The ids of the sentinels, the first one's first: int32 (sentinels,)."""
        found = {
            int(match[1]): token.id
            for token in getattr(tokenizer, "added_tokens", ())
            if (match := SENTINEL.fullmatch(token.content))
        }
        behind = range(tokenizer.vocab_size + self.sentinels - 1, tokenizer.vocab_size - 1, -1)
        return np.array([found[i] for i in sorted(found)] or behind, np.int32)


class CorruptedExamples(Examples):
    """Rows of which other spans are left out in each epoch, at the same lengths.

    Args:
        ids: the rows.
        objective: says how much is left out.
        tokenizer: tokenizer of the texts.
        draw: seed and epoch.
    """

    axes = ("source", "target")

    def __init__(
        self,
        ids: Ragged,
        objective: SpanCorruption,
        tokenizer: Any,
        draw: tuple[int, int] = (0, 0),
    ):
        self._ids, self._objective, self._tokenizer, self._draw = ids, objective, tokenizer, draw
        self._pad = special_id(tokenizer, "pad", "padding")
        self._end = special_id(tokenizer, "end", "SpanCorruption")
        start = objective.start_id
        self._start = special_id(tokenizer, "start", "SpanCorruption") if start is None else start
        self._sentinels = objective.sentinel_ids(tokenizer)
        special = [*tokenizer.special_ids.values(), *self._sentinels]
        self._is_special = np.zeros(max(tokenizer.vocab_size, *special) + 1, bool)
        self._is_special[special] = True

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def lengths(self) -> np.ndarray:
        places = np.flatnonzero(self._is_special[self._ids.values])
        specials = np.diff(np.searchsorted(places, self._ids.row_splits))
        return self._most(self._ids.lengths, specials)

    def longest_within(self, most: int) -> int:
        """How many tokens, none of them special, never take more than `most` on a side."""
        tokens = np.arange(1, 2 * most)  # each stands on one side
        return int((self._most(tokens, np.zeros_like(tokens)) <= most).all(axis=1).sum())

    def _most(self, tokens: np.ndarray, specials: np.ndarray) -> np.ndarray:
        """The most that such rows may take: a special token may part a span, or stand beside all.

        Args:
            tokens: number of tokens of each row, int (rows,).
            specials: how many of them are special.

        Returns:
            int32 (rows, 2), of the source and of the labels.
        """
        noise, spans = self._sizes(tokens - specials)
        runs = np.minimum(spans + specials, noise)
        source = np.where(runs > len(self._sentinels), tokens, tokens - noise + runs)
        target = noise + np.minimum(runs, len(self._sentinels))
        return np.stack([source + 1, target + 1], axis=1).astype(np.int32)

    def _sizes(self, ordinary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many of so many tokens are noise, and in how many spans."""
        share, mean = self._objective.share, self._objective.mean_length
        noise = np.minimum(np.maximum(np.round(ordinary * share), 1), ordinary - 1)
        noise = np.maximum(noise, 0).astype(np.int64)
        most = np.minimum(np.minimum(noise, ordinary - noise + 1), len(self._sentinels))
        spans = np.minimum(np.maximum(np.round(noise / mean), 1), most)
        return noise, spans.astype(np.int64)

    def of_epoch(self, seed: int, epoch: int) -> "CorruptedExamples":
        return CorruptedExamples(self._ids, self._objective, self._tokenizer, (seed, epoch))

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        lengths = self._ids.lengths_of(rows)[:, None]
        ids = self._ids.dense(rows, int(lengths.max(initial=1)), self._pad)
        real = np.arange(ids.shape[1]) < lengths
        noise = self._noise(real & ~self._is_special[ids], rows)
        first = noise & ~np.pad(noise, ((0, 0), (1, 0)))[:, :-1]
        run = np.cumsum(first, axis=1) - 1
        noise &= run < len(self._sentinels)  # special tokens may part spans into too many
        first &= noise
        sentinels = self._sentinels[np.clip(run, 0, len(self._sentinels) - 1)]
        source = self._ended(np.where(first, sentinels, ids), real & (first | ~noise), rows)
        each = (len(rows), 2 * ids.shape[1])  # a sentinel, perhaps, before each token
        target = self._ended(
            np.stack([sentinels, ids], axis=2).reshape(each),
            np.stack([first, noise], axis=2).reshape(each),
            rows,
        )
        source_ids, _ = moved_to_front(*source, widths[0], self._pad)
        labels, weights = moved_to_front(*target, widths[1], self._pad)
        before = np.full((len(rows), 1), self._start, np.int32)
        shifted = np.concatenate([before, labels[:, :-1]], axis=1)
        inputs = {
            "source_ids": source_ids,
            "target_ids": np.where(weights, shifted, np.int32(self._pad)),
        }
        by_output = self._objective.by_output
        return inputs, by_output(labels), by_output(weights.astype(np.float32))

    def _noise(self, may: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which tokens are left out, of those that may be: bool (rows, tokens)."""
        ordinary, column = may.sum(axis=1), np.arange(may.shape[1] + 1)
        noise, spans = self._sizes(ordinary)
        gaps = column <= (ordinary - noise)[:, None]
        gaps = chosen(self._draw, rows, gaps, spans, stream=0)
        cuts = (column >= 1) & (column < noise[:, None])
        cuts = chosen(self._draw, rows, cuts, spans - 1, stream=1)
        row, token = np.nonzero(column < noise[:, None])
        sizes = np.zeros(may.shape, np.int64)  # of no more spans than tokens
        np.add.at(sizes, (row, np.cumsum(cuts, axis=1)[row, token]), 1)
        _, inside = spread(gaps, sizes, ordinary)
        rank = np.maximum(np.cumsum(may, axis=1) - 1, 0)
        return may & np.take_along_axis(inside, rank, axis=1)

    def _ended(
        self, ids: np.ndarray, keep: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ids and which of them to keep, with the end behind each row that is one."""
        ends = np.full((len(rows), 1), self._end, np.int32)
        present = rows[:, None] >= 0
        return np.concatenate([ids, ends], axis=1), np.concatenate([keep, present], axis=1)

"""The masked language model: some tokens are masked and predicted."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_numbers, register
from tftransformer.objectives.drawing import chosen, uniform
from tftransformer.objectives.examples import ColumnExamples, Examples
from tftransformer.objectives.next_token import cut
from tftransformer.objectives.objective import TEXT, Columns, Forms, special_id
from tftransformer.objectives.text_rows import TextRows

BEGINNINGS = ("Ġ", "▁")  # of pieces that begin a word, in vocabularies that have such
# Lengths of spans in words (Joshi et al. 2020, §3.1): 0.2 · 0.8^(n − 1), 10 at most.
STOPS, LONGEST = 0.2, 10


@register
class MaskedTokens(TextRows):
    """Masks some tokens of a text and predicts them (Devlin et al. 2019, §3.1).

    In each row the given share of the tokens is chosen, at least one and never a special one; of
    these, 80 % become the mask token, 10 % another token, and 10 % stay as they are. The choice
    depends only on (seed, epoch, row). The columns are one text, or two that are joined. The inputs
    are those of `TextRows` and `mask_positions`; labels and weights, on the axis "masked", are for
    these positions only.

    A single column may hold documents of any length: a long document is split into full rows, each
    with the special tokens of the template, so that all of it is used. Pairs that are too long are
    cut, as are the texts of a `Joint` with labels.

    With `spans`, stretches of words are chosen (SpanBERT, Joshi et al. 2020, §3.1): a word, drawn
    by its tokens, and the words after it, 3.8 on average and at most 10, up to a special token or a
    word already chosen. All tokens of a span are treated alike: masked, replaced or kept.
    SpanBERT's span boundary objective is not included.

    Args:
        share: share of the tokens that are chosen.
        whole_words: whether all pieces of a word are chosen together; a word with more pieces than
            are left to choose is skipped.
        output: see `TextRows`.
        spans: whether stretches of whole words are chosen.
    """

    forms: Forms = ((TEXT,), (TEXT, TEXT))
    takes = "one column or two, of texts"
    num_labels = 0
    too_long = "blocks"
    hides_tokens = True
    becomes_mask, becomes_other = 0.8, 0.9  # below them

    def __init__(
        self,
        share: float = 0.15,
        whole_words: bool = False,
        output: str | None = "masked_lm",
        *,
        spans: bool = False,
    ):
        super().__init__(output)
        check_numbers(0, 1, share=share)
        self.share, self.whole_words, self.spans = share, whole_words, spans

    def blocks(self, documents: Ragged, tokenizer: Any, room: int) -> list[Ragged]:
        """Cuts documents into blocks of at most `room` ids."""
        return [cut(documents, room)]

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        rows = ColumnExamples(self.inputs(columns, tokenizers[0], template), {}, {})
        return self.hidden_in(rows, tokenizers[0])

    def hidden_in(self, examples: Examples, tokenizer: Any) -> "MaskedExamples":
        """The rows of examples of another objective with tokens hidden in them.

        Args:
            examples: whose inputs are those of `TextRows`, on the axis "tokens".
            tokenizer: tokenizer of the texts.
        """
        return MaskedExamples(examples, self, tokenizer)


class MaskedExamples(Examples):
    """Rows whose tokens are hidden anew in each epoch.

    Args:
        examples: the rows, whose inputs are a dict; labels and weights are dicts, too, perhaps
            empty.
        objective: says how much is hidden.
        tokenizer: tokenizer of the texts.
        draw: seed and epoch.
    """

    def __init__(
        self,
        examples: Examples,
        objective: MaskedTokens,
        tokenizer: Any,
        draw: tuple[int, int] = (0, 0),
    ):
        self._examples, self._objective, self._tokenizer = examples, objective, tokenizer
        self._draw = draw
        self.axes, self.varies = (*examples.axes, "masked"), examples.varies
        self.notes = examples.notes
        self._mask = special_id(tokenizer, "mask", "MaskedTokens")
        special = np.fromiter(set(tokenizer.special_ids.values()), np.int64)
        self._ordinary = np.setdiff1d(np.arange(tokenizer.vocab_size), special).astype(np.int32)
        self._is_special = np.isin(np.arange(tokenizer.vocab_size), special)
        in_words = objective.whole_words or objective.spans
        self._continues = continues(tokenizer) if in_words else None

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def lengths(self) -> np.ndarray:
        lengths = self._examples.lengths
        tokens = lengths[:, self.axes.index("tokens")]
        return np.column_stack([lengths, self._count(tokens)]).astype(np.int32)

    def _count(self, tokens: np.ndarray) -> np.ndarray:
        """How many of so many tokens are chosen."""
        return np.maximum(np.round(tokens * self._objective.share), tokens > 0).astype(np.int64)

    def of_epoch(self, seed: int, epoch: int) -> "MaskedExamples":
        drawn = self._examples.of_epoch(seed, epoch)
        return type(self)(drawn, self._objective, self._tokenizer, (seed, epoch))

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        *others, masked = widths
        inputs, all_labels, all_weights = self._examples.batch(rows, others)
        ids = inputs["token_ids"]
        leader = self._leaders(ids, inputs["padding_mask"], rows)
        is_chosen = leader >= 0
        places = np.zeros((len(rows), masked), np.int32)
        weights = np.zeros((len(rows), masked), np.float32)
        row, column = np.nonzero(is_chosen)
        rank = (np.cumsum(is_chosen, axis=1) - 1)[row, column]
        places[row, rank], weights[row, rank] = column, 1
        labels = np.take_along_axis(ids, places, axis=1) * weights.astype(np.int32)
        inputs |= {"token_ids": self._hidden(ids, leader, rows), "mask_positions": places}
        return inputs, self._beside(all_labels, labels), self._beside(all_weights, weights)

    def _beside(self, others: dict[str, Any], own: np.ndarray) -> Any:
        """What is of this objective beside what is of others, by output."""
        return (
            {**others, **self._objective.by_output(own)}
            if others
            else self._objective.by_output(own)
        )

    def _leaders(self, ids: np.ndarray, real: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """For each token that has to be guessed the column whose draw decides what it becomes.

        That is its own, or that by which its span was chosen; -1 for a token that is not to be
        guessed: int (rows, tokens).
        """
        may = real & ~self._is_special[ids]
        count = np.minimum(self._count(real.sum(axis=1)), may.sum(axis=1))
        column = np.arange(ids.shape[1])
        if self._continues is None:
            return np.where(chosen(self._draw, rows, may, count), column, -1)
        drawn = np.where(may, uniform(self._draw, rows, ids.shape[1], 0), 2.0)
        order = np.argsort(drawn, axis=1, kind="stable")
        words = np.cumsum(~(self._continues[ids] & may), axis=1)
        words -= words[:, :1]
        sizes = np.ones(ids.shape, np.int64)
        if self._objective.spans:
            sizes = span_lengths(uniform(self._draw, rows, ids.shape[1], 3))
        leader = np.full(ids.shape, -1)
        for row in np.flatnonzero(count):
            ordinary = np.bincount(words[row], may[row]).astype(int).tolist()
            anchors = order[row, : may[row].sum()].tolist()
            found = _words(anchors, words[row].tolist(), ordinary, sizes[row].tolist(), count[row])
            taken = np.full(len(ordinary), -1)
            for word, anchor in found:
                taken[word] = anchor
            leader[row] = np.where(may[row], taken[words[row]], -1)
            if not (leader[row] >= 0).any():  # no word is short enough
                leader[row, anchors[0]] = anchors[0]
        return leader if self._objective.spans else np.where(leader >= 0, column, -1)

    def _hidden(self, ids: np.ndarray, leader: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The ids, with masks and others in place of most that have to be guessed."""
        kind = uniform(self._draw, rows, ids.shape[1], 1)
        if self._objective.spans:
            kind = np.take_along_axis(kind, np.maximum(leader, 0), axis=1)
        other = (uniform(self._draw, rows, ids.shape[1], 2) * len(self._ordinary)).astype(np.int64)
        becomes = self._objective
        hidden = np.where(kind < becomes.becomes_other, self._ordinary[other], ids)
        hidden = np.where(kind < becomes.becomes_mask, self._mask, hidden)
        return np.where(leader >= 0, hidden, ids).astype(np.int32)


def _words(
    anchors: list[int], words: list[int], tokens: list[int], sizes: list[int], left: int
) -> Iterator[tuple[int, int]]:
    """Chooses words of a row, and says by which anchor each was chosen.

    Args:
        anchors: columns, in the order in which they may choose.
        words: the number of each column's word.
        tokens: how many each word has; 0 where it is a special token.
        sizes: how many words each column chooses.
        left: how many tokens are to be chosen.
    """
    taken: set[int] = set()
    for anchor in anchors:
        if not left:
            return
        for word in range(words[anchor], min(words[anchor] + sizes[anchor], len(tokens))):
            if word in taken or not 0 < tokens[word] <= left:
                break
            taken.add(word)
            left -= tokens[word]
            yield word, anchor


def span_lengths(drawn: np.ndarray) -> np.ndarray:
    """Lengths of spans, int from 1 to `LONGEST`, of numbers from 0 to 1."""
    odds = [STOPS * (1 - STOPS) ** n for n in range(LONGEST)]
    below = np.array(list(itertools.accumulate(odds)))
    return 1 + np.searchsorted(below[:-1] / below[-1], drawn, side="right")


def continues(tokenizer: Any) -> np.ndarray:
    """Which pieces of a vocabulary go on with a word: bool (pieces,)."""
    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    for mark in BEGINNINGS:
        if any(piece.startswith(mark) for piece in pieces):
            return np.array([not piece.startswith(mark) for piece in pieces])
    return np.array([piece.startswith("##") for piece in pieces])

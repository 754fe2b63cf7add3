"""The masked language model: some tokens are hidden and have to be guessed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import register, require
from tftransformer.objectives.columns import Tokens
from tftransformer.objectives.drawing import uniform
from tftransformer.objectives.examples import Examples
from tftransformer.objectives.objective import TEXT, Columns, special_id
from tftransformer.objectives.text_rows import TextRows
from tftransformer.training.losses import LabelSmoothedCrossEntropy
from tftransformer.training.metrics import TokenAccuracy

BEGINNINGS = ("Ġ", "▁")  # of pieces that begin a word, in vocabularies that have such


@register
class MaskedTokens(TextRows):
    """Hides some tokens of a text, which have to be guessed (Devlin et al. 2019, §3.1).

    Of each row `share` of the tokens are chosen, one at least and never a special one; of these 80
    of 100 become the mask token, 10 another token and 10 stay as they are. What is chosen is a
    function of (seed, epoch, row). The column is one of texts; `mask_positions` joins the inputs of
    `TextRows`, and labels and weights, of the axis "masked", are of these places alone.

    Args:
        share: of the tokens that are chosen.
        whole_words: whether all pieces of a word are chosen together; a word of more pieces than
            are left to choose is passed over.
        output: see `TextRows`.
    """

    def __init__(
        self, share: float = 0.15, whole_words: bool = False, output: str | None = "masked_lm"
    ):
        super().__init__(output)
        require(0 < share < 1, "share", share, "a number between 0 and 1")
        self.share, self.whole_words = share, whole_words

    def kinds(self, count: int) -> tuple[str, ...]:
        if count != 1:
            raise ValueError(f"MaskedTokens takes one column, of texts; it was given {count}.")
        return (TEXT,)

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> "MaskedExamples":
        inputs = self.inputs(columns, tokenizers[0], template)
        return MaskedExamples(inputs, self, tokenizers[0])

    def losses(self) -> Any:
        return self.by_output(LabelSmoothedCrossEntropy(0.0))

    def metrics(self) -> Any:
        return self.by_output([TokenAccuracy()])


class MaskedExamples(Examples):
    """Rows whose tokens are hidden anew in each epoch.

    Args:
        inputs: columns by the names of the model's inputs.
        objective: says how much is hidden.
        tokenizer: of the texts.
        draw: seed and epoch.
    """

    axes = ("tokens", "masked")
    varies = True

    def __init__(
        self,
        inputs: dict[str, Any],
        objective: MaskedTokens,
        tokenizer: Any,
        draw: tuple[int, int] = (0, 0),
    ):
        self._inputs, self._objective, self._tokenizer = inputs, objective, tokenizer
        self._draw = draw
        self._mask = special_id(tokenizer, "mask", "MaskedTokens")
        special = np.fromiter(set(tokenizer.special_ids.values()), np.int64)
        self._ordinary = np.setdiff1d(np.arange(tokenizer.vocab_size), special).astype(np.int32)
        self._is_special = np.isin(np.arange(tokenizer.vocab_size), special)
        self._continues = continues(tokenizer) if objective.whole_words else None

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def _ids(self) -> Tokens:
        return self._inputs["token_ids"]

    @property
    def lengths(self) -> np.ndarray:
        tokens = self._ids.lengths("tokens")
        return np.stack([tokens, self._count(tokens)], axis=1).astype(np.int32)

    def _count(self, tokens: np.ndarray) -> np.ndarray:
        """How many of so many tokens are chosen."""
        return np.maximum(np.round(tokens * self._objective.share), tokens > 0).astype(np.int64)

    def of_epoch(self, seed: int, epoch: int) -> "MaskedExamples":
        return MaskedExamples(self._inputs, self._objective, self._tokenizer, (seed, epoch))

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        tokens, masked = widths
        inputs = {
            name: column.batch(rows, {"tokens": tokens}) for name, column in self._inputs.items()
        }
        ids = inputs["token_ids"]
        chosen = self._chosen(ids, inputs["padding_mask"], rows)
        places = np.zeros((len(rows), masked), np.int32)
        weights = np.zeros((len(rows), masked), np.float32)
        row, column = np.nonzero(chosen)
        rank = (np.cumsum(chosen, axis=1) - 1)[row, column]
        places[row, rank], weights[row, rank] = column, 1
        labels = np.take_along_axis(ids, places, axis=1) * weights.astype(np.int32)
        hidden = self._hidden(ids, chosen, rows)
        by_output = self._objective.by_output
        inputs |= {"token_ids": hidden, "mask_positions": places}
        return inputs, by_output(labels), by_output(weights)

    def _chosen(self, ids: np.ndarray, real: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which tokens have to be guessed: bool (rows, tokens)."""
        may = real & ~self._is_special[ids]
        count = np.minimum(self._count(real.sum(axis=1)), may.sum(axis=1))
        drawn = np.where(may, uniform(self._draw, rows, ids.shape[1], 0), 2.0)
        if self._continues is None:
            rank = np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1)
            return may & (rank < count[:, None])
        words = np.cumsum(~(self._continues[ids] & may), axis=1)
        chosen = np.zeros(ids.shape, bool)
        for row, left in enumerate(count):
            for column in np.argsort(drawn[row], kind="stable")[: may[row].sum()]:
                word = may[row] & (words[row] == words[row, column])
                if not chosen[row, column] and word.sum() <= left:
                    chosen[row] |= word
                    left -= word.sum()
            if count[row] and not chosen[row].any():  # no word is short enough
                chosen[row, np.argmin(drawn[row])] = True
        return chosen

    def _hidden(self, ids: np.ndarray, chosen: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The ids, with masks and others in place of most that were chosen."""
        kind = uniform(self._draw, rows, ids.shape[1], 1)
        other = (uniform(self._draw, rows, ids.shape[1], 2) * len(self._ordinary)).astype(np.int64)
        hidden = np.where(kind < 0.8, self._mask, np.where(kind < 0.9, self._ordinary[other], ids))
        return np.where(chosen, hidden, ids).astype(np.int32)


def continues(tokenizer: Any) -> np.ndarray:
    """Which pieces of a vocabulary go on with a word: bool (pieces,)."""
    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    for mark in BEGINNINGS:
        if any(piece.startswith(mark) for piece in pieces):
            return np.array([not piece.startswith(mark) for piece in pieces])
    return np.array([piece.startswith("##") for piece in pieces])

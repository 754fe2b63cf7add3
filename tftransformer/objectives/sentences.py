"""Sentences: which sentences of a text summarise it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_ints, register
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.pieces import NO_LABEL, Pieces, TokenLabels, TokenWeights
from tftransformer.objectives.text_rows import TextRows

WEIGHTS = np.ones(2, np.float32)  # of both labels


@register
class Sentences(TextRows):
    """Which sentences of a text to choose; columns: the text, then a list of 0 and 1.

    The list has a number for each sentence (see `text.sentence_places`). The first piece of a
    sentence is trained on it, in the window that contains the whole sentence most centrally.
    Besides the inputs of `TextRows` there are `sentence_numbers`, for `SentenceHead`.

    Args:
        stride: pieces that neighbouring windows of a long text share.
        output: see `TextRows`.

    Example:

    >>> Sentences(stride=16).kinds(2)
    ('text', 'label')
    """

    forms = ((TEXT, LABEL),)
    takes = "a column of text and one of lists"
    in_sentences = True
    num_outputs = 2

    def __init__(self, *, stride: int = 64, output: str | None = None):
        super().__init__(output)
        check_ints(0, stride=stride)
        self.stride = stride

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        pieces, chosen = columns
        labels = pieces.labels(self._labels(pieces, chosen), template)
        inputs = self.inputs([pieces.windows], tokenizers[0], template)
        numbers = pieces.words[pieces.places.values] + 1
        inputs["sentence_numbers"] = pieces.tokens(numbers, template)
        return ColumnExamples(
            inputs,
            self.by_output(TokenLabels(labels)),
            self.by_output(TokenWeights(labels, WEIGHTS)),
        )

    def _labels(self, pieces: Pieces, chosen: Sequence[Any]) -> np.ndarray:
        """The label of each piece that begins a sentence, else `NO_LABEL`: int32 (pieces,)."""
        given = Ragged.from_rows([list(map(int, row)) for row in chosen])
        heads = pieces.word_starts
        row = np.searchsorted(pieces.ids.row_splits, heads, side="right") - 1
        number = pieces.words[heads]
        short = np.flatnonzero(number >= given.lengths[row])
        if len(short):
            at = row[short[0]]
            raise ValueError(
                f"row {at} has {given.lengths[at]} labels and more sentences: give a 0 or 1 for "
                "each of them, see text.sentences."
            )
        found = np.full(len(pieces.words), NO_LABEL, np.int32)
        found[heads] = given.values[given.row_splits[row] + number] != 0
        return found

"""Choices: which of several texts fits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import register, splits_of
from tftransformer.objectives.columns import Column, Values
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.text_rows import TextRows
from tftransformer.training.candidates import ChoiceAccuracy, ChoiceCrossEntropy


@register
class Choices(TextRows):
    """Which of several texts belongs to a first text (Zellers et al. 2018).

    The columns are the first text, the list of choices, and the index of the right one. Each choice
    is joined to the first text, which is cut as far as needed; inputs have an axis of choices,
    `token_ids` (batch, choices, tokens).

    Args:
        max_length: most tokens of a row, special ones included.
        output: see `TextRows`.
    """

    forms = ((TEXT, LABEL, LABEL),)
    takes = "a column of texts, one of lists of texts, and one of the numbers of the right ones"

    def __init__(self, max_length: int = 512, output: str | None = "multiple_choice"):
        super().__init__(output)
        self.max_length = max_length

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        context, choices, answers = columns
        counts = np.array([len(each) for each in choices], np.int64)
        numbers = np.array(answers, np.int64)
        if len(counts) and not ((numbers >= 0) & (numbers < counts)).all():
            row = int(np.flatnonzero((numbers < 0) | (numbers >= counts))[0])
            raise ValueError(f"the answer of a row is {numbers[row]}, of {counts[row]} choices.")
        second = tokenizers[0].encode([text for each in choices for text in each]).ids
        first = context.take(np.repeat(np.arange(len(context)), counts))
        room = self.max_length - template.num_special(True)
        second = second.head(np.minimum(second.lengths, room))
        first = first.head(np.minimum(first.lengths, room - second.lengths))
        starts = splits_of(counts)[:-1]
        rows = self.inputs([first, second], tokenizers[0], template)
        inputs = {name: OfChoices(column, starts, counts) for name, column in rows.items()}
        labels, weights = _Right(numbers, counts), Values(np.ones(len(counts), np.float32))
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(weights))

    def losses(self) -> Any:
        return self.by_output(ChoiceCrossEntropy())

    def metrics(self) -> Any:
        return self.by_output([ChoiceAccuracy()])


class OfChoices(Column):
    """Rows of another column, some for each row here: (chosen, choices, width).

    Args:
        column: a column with the axis "tokens".
        starts: where those of each row begin.
        counts: how many there are.
    """

    axes = ("tokens", "choices")

    def __init__(self, column: Column, starts: np.ndarray, counts: np.ndarray):
        self.column, self.starts, self.counts = column, starts, counts

    def __len__(self) -> int:
        return len(self.counts)

    def lengths(self, axis: str) -> np.ndarray:
        if axis == "choices":
            return self.counts
        longest = np.zeros(len(self), np.int64)
        row = np.repeat(np.arange(len(self)), self.counts)
        np.maximum.at(longest, row, self.column.lengths(axis))
        return longest

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        number = np.arange(widths["choices"])
        there = (rows >= 0)[:, None] & (number < self.counts[rows][:, None])
        flat = np.where(there, self.starts[rows][:, None] + number, -1).ravel()
        found = self.column.batch(flat, {"tokens": widths["tokens"]})
        return found.reshape(*there.shape, *found.shape[1:])


class _Right(Column):
    """1 for the right choice, 0 for others, -1 where there is none: float32 (chosen, choices)."""

    axes = ("choices",)

    def __init__(self, right: np.ndarray, counts: np.ndarray):
        self.right, self.counts = right, counts

    def __len__(self) -> int:
        return len(self.right)

    def lengths(self, axis: str) -> np.ndarray:
        return self.counts

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        number = np.arange(widths["choices"])
        there = (rows >= 0)[:, None] & (number < self.counts[rows][:, None])
        return np.where(there, number == self.right[rows][:, None], -1.0).astype(np.float32)

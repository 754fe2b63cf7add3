"""Regression: one number, or several, for each row."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tftransformer.core import register
from tftransformer.objectives.columns import Values
from tftransformer.objectives.text_rows import TextRows


@register
class Numbers(TextRows):
    """One number, or several, for a text; columns: one text or two, then the number.

    Rows without a number are left out. Rows may have lists of numbers, all of the same length.
    Labels are float32 (batch, numbers), and the output of the model must have that shape.

    Args:
        output: see `TextRows`.

    Attributes:
        count_: how many numbers each row has.

    Example:

    >>> objective = Numbers()
    >>> objective.fit([[1.5, 2, 4]])
    >>> objective.count_
    1
    """

    learns = "count_"

    def __init__(self, output: str | None = None):
        super().__init__(output)

    @property
    def num_outputs(self) -> int:
        """How many numbers the model predicts."""
        return self.count_

    def fit(self, columns: Sequence[list[Any]]) -> None:
        (given,) = columns
        if not len(given):
            raise ValueError("no row has a number.")
        self.count_ = len(_numbers(given[0]))
        self._matrix(given)

    def begin(self, labels: Sequence[str] | None) -> None:
        self.count_ = len(labels or "?")

    def targets(self, labels: Sequence[Any], training: bool) -> tuple[Values, Values]:
        if not self.is_fitted:
            raise RuntimeError("how many numbers a row has is not known: call fit first.")
        return Values(self._matrix(labels)), Values(np.ones(len(labels), np.float32))

    def losses(self) -> Any:
        return self.by_output(keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))

    def metrics(self) -> Any:
        return self.by_output([keras.metrics.MeanAbsoluteError(name="mean_absolute_error")])

    def _matrix(self, given: Sequence[Any]) -> np.ndarray:
        """The labels as float32 (rows, numbers)."""
        rows = [_numbers(value) for value in given]
        for value, row in zip(given, rows, strict=True):
            if len(row) != self.count_:
                raise ValueError(f"label {value!r} holds {len(row)} numbers, not {self.count_}.")
        return np.array(rows, np.float32).reshape(len(rows), self.count_)


def _numbers(value: Any) -> Sequence[Any]:
    row = [value] if isinstance(value, numbers.Real) else value
    if not isinstance(row, list | tuple) or not all(map(_is_finite, row)):
        raise ValueError(
            f"label {value!r} is no finite number, nor a list of them; for classes take "
            "objective=Classes()."
        )
    return row


def _is_finite(number: Any) -> bool:
    return isinstance(number, numbers.Real) and bool(np.isfinite(float(number)))

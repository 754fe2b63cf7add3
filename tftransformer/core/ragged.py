"""Rows of token ids of different lengths, in two flat arrays."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of token ids, stored one behind the other.

    Args:
        values: int32 array (tokens,), all rows in order.
        row_splits: int64 array (rows + 1,): row `i` is
            `values[row_splits[i] : row_splits[i + 1]]`.

    Example:

    >>> rows = Ragged.from_rows([[5, 6], [7]])
    >>> rows.with_end(3).dense(np.array([1, 0]), width=4, pad_id=0)
    array([[7, 3, 0, 0],
           [5, 6, 3, 0]], dtype=int32)
    """

    values: np.ndarray
    row_splits: np.ndarray

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Packs a list of lists of ids."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        row_splits = np.concatenate([[0], np.cumsum(lengths)])
        ids = (token for row in rows for token in row)
        return cls(np.fromiter(ids, np.int32, row_splits[-1]), row_splits)

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    @property
    def lengths(self) -> np.ndarray:
        """The number of ids in each row: int64 array (rows,)."""
        return np.diff(self.row_splits)

    def __getitem__(self, row: int) -> np.ndarray:
        """The ids of one row, counted from the end where `row` is negative."""
        start, end = self.row_splits[range(len(self))[row] :][:2]
        return self.values[start:end]

    def tolist(self) -> list[list[int]]:
        """The rows as lists of Python numbers."""
        values, splits = self.values.tolist(), self.row_splits.tolist()
        return [values[start:end] for start, end in itertools.pairwise(splits)]

    def take(self, rows: np.ndarray) -> "Ragged":
        """The rows at the indices `rows`, int array (chosen,), in that order."""
        lengths = self.lengths[rows]
        row_splits = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.row_splits[rows] - row_splits[:-1], lengths)
        return Ragged(self.values[shift + np.arange(row_splits[-1])], row_splits)

    def where(self, condition: np.ndarray, other: "Ragged") -> "Ragged":
        """Own rows where `condition`, bool array (rows,), holds, else those of `other`."""
        both = Ragged(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.row_splits, other.row_splits[1:] + len(self.values)]),
        )
        own = np.arange(len(self))
        return both.take(np.where(condition, own, own + len(self)))

    def with_start(self, token_id: int) -> "Ragged":
        """Puts one id before each row."""
        return self._insert(self.row_splits[:-1], token_id)

    def with_end(self, token_id: int) -> "Ragged":
        """Puts one id behind each row."""
        return self._insert(self.row_splits[1:], token_id)

    def _insert(self, places, token_id):
        values = np.insert(self.values, places, np.int32(token_id))
        return Ragged(values, self.row_splits + np.arange(len(self.row_splits)))

    def dense(self, rows: np.ndarray, width: int, pad_id: int) -> np.ndarray:
        """The chosen rows, padded at the end: int32 array (chosen, width)."""
        starts, positions = self.row_splits[rows][:, None], np.arange(width)
        real = positions < self.lengths[rows][:, None]
        return np.where(real, self.values.take(starts + positions, mode="clip"), np.int32(pad_id))

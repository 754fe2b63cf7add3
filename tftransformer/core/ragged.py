"""Rows of token ids of different lengths, in two flat arrays."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of token ids, stored one behind the other.

    The arrays are never copied but by what says so, and may be `np.memmap`: what is read of them
    is what a batch takes.

    Args:
        values: int array (tokens,), all rows in order.
        row_splits: int64 array (rows + 1,): row `i` is
            `values[row_splits[i] : row_splits[i + 1]]`.

    Example:

    >>> rows = Ragged.from_rows([[5, 6], [7]])
    >>> rows.dense(np.array([1, 0, -1]), width=3, fill=0, after=(3,))
    array([[7, 3, 0],
           [5, 6, 3],
           [0, 0, 0]], dtype=int32)
    """

    values: np.ndarray
    row_splits: np.ndarray

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Packs a list of lists of ids."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        row_splits = splits_of(lengths)
        ids = (token for row in rows for token in row)
        return cls(np.fromiter(ids, np.int32, row_splits[-1]), row_splits)

    @classmethod
    def concatenate(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """The rows of several, one behind the other; a single one as it is."""
        if len(parts) == 1:
            return parts[0]
        lengths = np.concatenate([part.lengths for part in parts])
        return cls(np.concatenate([part.values for part in parts]), splits_of(lengths))

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

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """The number of ids in the chosen rows: int64 array (chosen,); 0 for the row -1."""
        return np.where(rows < 0, 0, self.row_splits[rows + 1] - self.row_splits[rows])

    def take(self, rows: np.ndarray) -> "Ragged":
        """Copies the rows at the indices `rows`, int array (chosen,), in that order.

        The row -1 is empty.
        """
        return self.stretches(rows, 0, self.lengths_of(rows))

    def stretches(
        self, rows: np.ndarray, starts: np.ndarray | int, lengths: np.ndarray
    ) -> "Ragged":
        """Copies so many ids of the chosen rows, from those places in them on.

        Args:
            rows: int array (chosen,).
            starts: int64 array (chosen,), places in the rows, or one for all.
            lengths: int64 array (chosen,), no more than there are behind.
        """
        row_splits = splits_of(lengths)
        shift = np.repeat(self.row_splits[rows] + starts - row_splits[:-1], lengths)
        return Ragged(np.asarray(self.values[shift + np.arange(row_splits[-1])]), row_splits)

    def head(self, kept: np.ndarray) -> "Ragged":
        """The first `kept` ids of each row, int array (rows,), no more than there are."""
        if (kept == self.lengths).all():
            return self
        return self.stretches(np.arange(len(self)), 0, kept)

    def tail(self, kept: np.ndarray) -> "Ragged":
        """The last `kept` ids of each row, int array (rows,), no more than there are."""
        return self.stretches(np.arange(len(self)), self.lengths - kept, kept)

    def dense(
        self,
        rows: np.ndarray,
        width: int,
        fill: int = 0,
        before: Sequence[int] = (),
        after: Sequence[int] = (),
    ) -> np.ndarray:
        """The chosen rows as a matrix, padded at the end.

        Args:
            rows: int array (chosen,), indices of rows; -1 is a row of fill.
            width: width of the matrix; what is longer is cut.
            fill: the id where no other is.
            before: ids that begin each row.
            after: ids that end each row.

        Returns:
            int32 array (chosen, width).
        """
        present = rows >= 0
        lengths = np.where(present, self.lengths_of(rows) + len(before), 0)[:, None]
        positions = np.arange(width)
        real = positions < lengths
        if len(self.values):
            starts = self.row_splits[rows][:, None] - len(before)
            ids = np.asarray(self.values.take(starts + positions, mode="clip"))
            matrix = np.where(real, ids, np.int32(fill)).astype(np.int32, copy=False)
        else:
            matrix = np.full(real.shape, fill, np.int32)
        for place, token_id in enumerate(before):
            matrix[present, place : place + 1] = token_id
        for place, token_id in enumerate(after):
            places = lengths[:, 0] + place
            inside = np.flatnonzero(present & (places < width))
            matrix[inside, places[inside]] = token_id
        return matrix


def splits_of(lengths: np.ndarray) -> np.ndarray:
    """The row splits of rows of these lengths: int64 array (rows + 1,), from 0 on."""
    splits = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=splits[1:])
    return splits

"""The columns that examples are made of: views that become arrays when a batch asks."""

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged


class Column(abc.ABC):
    """One array of each batch.

    Attributes:
        axes: names of the dimensions that vary in length, in their order behind that of the rows.
    """

    axes: tuple[str, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of rows."""

    def lengths(self, axis: str) -> np.ndarray:
        """What each row takes on one of `axes`: int array (rows,)."""
        raise NotImplementedError(f"{type(self).__name__} has no axis {axis!r}")

    @abc.abstractmethod
    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        """The chosen rows as one array (chosen, …), fill where nothing is.

        Args:
            rows: int array (chosen,); -1 is a row of fill.
            widths: the width of each axis.
        """


class Values(Column):
    """Values of one shape for all rows: a class, a number, a vector.

    Args:
        values: array (rows, …).
        fill: value of what belongs to no row.
    """

    def __init__(self, values: np.ndarray, fill: float = 0):
        self.values, self.fill = values, fill

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        chosen = np.asarray(self.values[rows])
        chosen[rows < 0] = self.fill
        return chosen


class MultiHot(Column):
    """1 for each class that a row has, else 0: float32 (chosen, classes).

    Args:
        ids: the classes of each row.
        classes: their number.
    """

    def __init__(self, ids: Ragged, classes: int):
        self.ids, self.classes = ids, classes

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        found = self.ids.take(rows)
        hot = np.zeros((len(rows), self.classes), np.float32)
        hot[np.repeat(np.arange(len(rows)), found.lengths), found.values] = 1
        return hot


class Tokens(Column):
    """Rows of ids, padded at the end: int32 (chosen, width).

    Args:
        ids: the rows.
        axis: name of their length.
        fill: the id of padding.
        before, after: ids that begin and end each row; no copy is made for their sake.
    """

    def __init__(
        self,
        ids: Ragged,
        axis: str,
        fill: int = 0,
        before: Sequence[int] = (),
        after: Sequence[int] = (),
    ):
        self.ids, self.fill = ids, fill
        self.axes = (axis,)
        self.before, self.after = tuple(before), tuple(after)

    def __len__(self) -> int:
        return len(self.ids)

    def lengths(self, axis: str) -> np.ndarray:
        return self.ids.lengths + (len(self.before) + len(self.after))

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """What the chosen rows take: int array (chosen,); 0 for the row -1."""
        added = len(self.before) + len(self.after)
        return np.where(rows < 0, 0, self.ids.lengths_of(rows) + added)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        return self.ids.dense(rows, widths[self.axes[0]], self.fill, self.before, self.after)


class Stacked(Column):
    """Columns of one axis beside each other: (chosen, columns, width).

    Args:
        columns: columns of the same axis.
        last: whether they are the last axis of a batch: (chosen, width, columns).
    """

    def __init__(self, columns: Sequence[Column], last: bool = False):
        self.columns, self.axes, self.last = columns, columns[0].axes, last

    def __len__(self) -> int:
        return len(self.columns[0])

    def lengths(self, axis: str) -> np.ndarray:
        return np.max([column.lengths(axis) for column in self.columns], axis=0)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        parts = [column.batch(rows, widths) for column in self.columns]
        return np.stack(parts, axis=-1 if self.last else 1)


class Following(Column):
    """A column that is as long in each row as another.

    Args:
        column: the other one.
    """

    def __init__(self, column: Column):
        self.column, self.axes = column, column.axes

    def __len__(self) -> int:
        return len(self.column)

    def lengths(self, axis: str) -> np.ndarray:
        return self.column.lengths(axis)


class IsReal(Following):
    """1 where a column has something, 0 where it is padded: (chosen, width).

    Args:
        column: with one axis.
        dtype: `"float32"` for weights, `"bool"` for a padding mask.
    """

    column: Tokens

    def __init__(self, column: Tokens, dtype: str = "float32"):
        super().__init__(column)
        self.dtype = dtype

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        real = np.arange(widths[self.axes[0]]) < self.column.lengths_of(rows)[:, None]
        return real.astype(self.dtype)


def once_per_batch(method: Callable[[Any, np.ndarray], Any]) -> Callable[[Any, np.ndarray], Any]:
    """Decorates a method of chosen rows that several columns call, or one several times.

    What it returned is kept until it is called with another array: all columns of a batch get the
    same object.
    """
    kept_as = f"_latest_{method.__name__}"

    @functools.wraps(method)
    def kept(self: Any, rows: np.ndarray) -> Any:
        latest = vars(self).get(kept_as)
        if latest is None or latest[0] is not rows:
            latest = rows, method(self, rows)
            setattr(self, kept_as, latest)
        return latest[1]

    return kept


def numbers_in_batch(rows: np.ndarray) -> np.ndarray:
    """The numbers of chosen rows among those that were chosen, from 0; -1 for rows of fill."""
    return np.where(rows < 0, -1, np.arange(len(rows)))

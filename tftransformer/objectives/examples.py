"""What an objective makes of rows: inputs, labels and weights, padded when a batch asks."""

import abc
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.objectives.columns import Column

Tree = Column | Mapping[str, Column]
DIGESTED = 1024  # rows at a time


class Examples(abc.ABC):
    """Rows of a data set as a model takes them: a view, which copies ids only into batches.

    Attributes:
        axes: names of what varies in length, such as `("tokens",)` or `("source", "target")`.
        varies: whether `of_epoch` changes lengths, so that epochs may differ in their batches.
        notes: remarks on how they were made, for the report.
    """

    axes: tuple[str, ...]
    varies = False
    notes: tuple[str, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of rows."""

    @property
    @abc.abstractmethod
    def lengths(self) -> np.ndarray:
        """The length of each row on each axis: int array (rows, axes)."""

    @abc.abstractmethod
    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        """Pads some rows into one batch.

        Args:
            rows: int array (chosen,), indices of rows; -1 is a row of fill, of weight 0.
            widths: the width of the batch on each axis.

        Returns:
            `(inputs, labels, weights)`, each an array (chosen, …) or a dict of them.
        """

    def take(self, rows: np.ndarray) -> "Examples":
        """Returns a view of the rows at the indices `rows`, int array (chosen,), in that order."""
        return Taken(self, rows)

    def of_epoch(self, seed: int, epoch: int) -> "Examples":
        """Returns the same rows, drawn for this epoch if the objective draws anew each epoch.

        Draws for a row depend only on (`seed`, `epoch`, number of the row), where rows are numbered
        before any `take`. No row gets longer than the longest one.
        """
        return self

    def digest(self) -> str:
        """Returns a hexadecimal number that identifies these examples, made from all rows."""
        state = hashlib.blake2b(digest_size=16)
        lengths = np.ascontiguousarray(self.lengths, np.int64)
        state.update(repr((type(self).__qualname__, self.axes)).encode() + lengths.data)
        for start in range(0, len(self), DIGESTED):
            rows = np.arange(start, min(start + DIGESTED, len(self)))
            widths = lengths[rows].max(axis=0).tolist()
            for part in self.batch(rows, widths):
                for name, array in part.items() if isinstance(part, Mapping) else [("", part)]:
                    state.update(name.encode() + np.ascontiguousarray(array).data)
        return state.hexdigest()


class ColumnExamples(Examples):
    """Examples made of columns: one for each input, each label and each weight.

    Args:
        inputs: a `Column`, or a dict of them by the names of the model's inputs.
        labels: the same by the names of the model's outputs.
        weights: the same. What belongs to no row must have the fill 0.

    Example: four inputs, one axis.

    >>> from tftransformer.core import Ragged
    >>> from tftransformer.objectives import IsReal, Tokens, Values
    >>> ids = Tokens(Ragged.from_rows([[7, 8], [9]]), axis="tokens", after=(3,))
    >>> examples = ColumnExamples(
    ...     {"token_ids": ids, "padding_mask": IsReal(ids, "bool")},
    ...     labels=Values(np.array([1, 0])), weights=Values(np.ones(2, "float32")))
    >>> examples.axes, examples.lengths.tolist()
    (('tokens',), [[3], [2]])
    >>> inputs, labels, weights = examples.batch(np.array([1, -1]), widths=(3,))
    >>> inputs["token_ids"].tolist(), labels.tolist(), weights.tolist()
    ([[9, 3, 0], [0, 0, 0]], [0, 0], [1.0, 0.0])
    """

    def __init__(self, inputs: Tree, labels: Tree, weights: Tree):
        self.inputs, self.labels, self.weights = inputs, labels, weights
        self._columns = [
            column
            for part in (inputs, labels, weights)
            for column in (part.values() if isinstance(part, Mapping) else [part])
        ]
        counts = sorted({len(column) for column in self._columns})
        if len(counts) != 1:
            raise ValueError(
                f"the columns have {' and '.join(map(str, counts))} rows: row i of one must belong "
                "to row i of all others."
            )
        self.axes = tuple(dict.fromkeys(axis for column in self._columns for axis in column.axes))

    def __len__(self) -> int:
        return len(self._columns[0])

    @property
    def lengths(self) -> np.ndarray:
        lengths = np.zeros((len(self), len(self.axes)), np.int32)
        for column in self._columns:
            for i, axis in enumerate(self.axes):
                if axis in column.axes:
                    np.maximum(lengths[:, i], column.lengths(axis), out=lengths[:, i])
        return lengths

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        by_axis = dict(zip(self.axes, widths, strict=True))
        inputs, labels, weights = (
            {name: column.batch(rows, by_axis) for name, column in part.items()}
            if isinstance(part, Mapping)
            else part.batch(rows, by_axis)
            for part in (self.inputs, self.labels, self.weights)
        )
        return inputs, labels, weights


class DrawnExamples(ColumnExamples):
    """Examples of columns that are drawn anew each epoch.

    Args:
        make: from seed and epoch to the columns of inputs, labels and weights: see
            `ColumnExamples`. From None to such ones whose lengths hold what any epoch may draw.
        varies: whether lengths depend on what is drawn.
        draw: seed and epoch; None: see `make`.
    """

    def __init__(
        self,
        make: Callable[[tuple[int, int] | None], tuple[Tree, Tree, Tree]],
        varies: bool = False,
        draw: tuple[int, int] | None = None,
    ):
        super().__init__(*make(draw))
        self._make, self.varies = make, varies

    def of_epoch(self, seed: int, epoch: int) -> "DrawnExamples":
        return DrawnExamples(self._make, self.varies, (seed, epoch))


class Taken(Examples):
    """Some rows of other examples."""

    def __init__(self, examples: Examples, rows: np.ndarray):
        self.axes, self.varies = examples.axes, examples.varies
        self._examples = examples
        self._rows = np.asarray(rows, np.int32)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def lengths(self) -> np.ndarray:
        return self._examples.lengths[self._rows]

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        return self._examples.batch(np.where(rows < 0, -1, self._rows[rows]), widths)

    def take(self, rows: np.ndarray) -> Examples:
        return Taken(self._examples, self._rows[rows])

    def of_epoch(self, seed: int, epoch: int) -> Examples:
        drawn = self._examples.of_epoch(seed, epoch)
        return self if drawn is self._examples else Taken(drawn, self._rows)


class Concatenated(Examples):
    """The rows of several examples as one, which batches mix.

    So one model learns of rows of several kinds, such as the single sentences and the pairs of XLM
    (Conneau and Lample 2019, §3.3). What is drawn of a row is what its own examples draw.

    Args:
        parts: examples of the same axes, with inputs, labels and weights of the same names.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from tftransformer.objectives import Tokens, Values
    >>> def made(*rows):
    ...     ids = Tokens(Ragged.from_rows(rows), axis="tokens")
    ...     return ColumnExamples(ids, Values(np.ones(len(rows))), Values(np.ones(len(rows))))
    >>> both = Concatenated([made([7, 8], [9]), made([5, 6])])
    >>> both.batch(np.array([2, 1]), widths=(2,))[0].tolist()
    [[5, 6], [9, 0]]
    """

    def __init__(self, parts: Sequence[Examples]):
        self._parts = list(parts)
        self.axes = self._parts[0].axes
        for part in self._parts:
            if part.axes != self.axes:
                raise ValueError(
                    f"examples of the axes {self.axes} and {part.axes} were given: rows of one "
                    "batch need the same."
                )
        self.varies = any(part.varies for part in self._parts)
        self.notes = tuple(dict.fromkeys(note for part in self._parts for note in part.notes))
        self._starts = np.cumsum([0, *map(len, self._parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def lengths(self) -> np.ndarray:
        return np.concatenate([part.lengths for part in self._parts])

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        # Rows of fill are those of the first part.
        number = np.maximum(np.searchsorted(self._starts, rows, side="right") - 1, 0)
        own = np.where(rows < 0, -1, rows - self._starts[number])
        present = np.unique(number)
        batches = [self._parts[i].batch(own[number == i], widths) for i in present]
        place = np.argsort(np.argsort(number, kind="stable"), kind="stable")
        inputs, labels, weights = (
            {name: np.concatenate([one[name] for one in of])[place] for name in of[0]}
            if isinstance(of[0], Mapping)
            else np.concatenate(of)[place]
            for of in zip(*batches, strict=True)
        )
        return inputs, labels, weights

    def of_epoch(self, seed: int, epoch: int) -> Examples:
        return Concatenated([part.of_epoch(seed, epoch) for part in self._parts])

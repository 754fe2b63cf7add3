"""Examples whose texts are cut anew each epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.objectives import Examples


class Sampled(Examples):
    """The same rows in another segmentation each epoch: BPE-dropout and its kin.

    A row that would outgrow the longest plain one keeps its plain segmentation.

    Args:
        plain: the examples of the plain segmentations.
        sample: from a seed and an epoch to examples of the same rows; a pure function.
    """

    varies = True

    def __init__(self, plain: Examples, sample: Callable[[int, int], Examples]):
        self.axes = plain.axes
        self.plain, self.sample = plain, sample

    def __len__(self) -> int:
        return len(self.plain)

    @property
    def lengths(self) -> np.ndarray:
        return self.plain.lengths

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        return self.plain.batch(rows, widths)

    def of_epoch(self, seed: int, epoch: int) -> Examples:
        sampled = self.sample(seed, epoch).of_epoch(seed, epoch)
        fits = (sampled.lengths <= self.lengths.max(axis=0)).all(axis=1)
        return sampled if fits.all() else _Either(fits, sampled, self.plain.of_epoch(seed, epoch))

    def digest(self) -> str:
        return self.plain.digest()


class _Either(Examples):
    """Rows of the one examples where a condition holds, else of the others."""

    def __init__(self, condition: np.ndarray, first: Examples, second: Examples):
        self.axes = first.axes
        self._condition, self._first, self._second = condition, first, second

    def __len__(self) -> int:
        return len(self._condition)

    @property
    def lengths(self) -> np.ndarray:
        return np.where(self._condition[:, None], self._first.lengths, self._second.lengths)

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        first = self._condition[rows] | (rows < 0)
        batch = self._first.batch(np.where(first, rows, -1), widths)
        if first.all():
            return batch
        other = self._second.batch(np.where(first, -1, rows), widths)
        return tuple(_merge(first, one, two) for one, two in zip(batch, other, strict=True))


def _merge(condition: Any, first: Any, second: Any) -> Any:
    """Rows of one tree where a condition holds, else those of the other."""
    if isinstance(first, Mapping):
        return {name: _merge(condition, first[name], second[name]) for name in first}
    return np.where(condition.reshape(-1, *[1] * (first.ndim - 1)), first, second)

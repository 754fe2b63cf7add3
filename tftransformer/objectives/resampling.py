"""Rows that are drawn by what kind they are of."""

import numpy as np

from tftransformer.objectives.drawing import uniform
from tftransformer.objectives.examples import Examples, Taken

AT_ONCE = 65_536  # rows that are drawn at a time


class Resampled(Taken):
    """As many rows as there are, drawn anew each epoch; kinds with few rows come more often.

    Each is of a kind with n of all rows with a probability as n^`alpha`, and any row of it (Conneau
    and Lample 2019, §3.1). A row that is drawn twice in an epoch looks the same both times.

    Args:
        examples: the rows.
        kinds: int array (rows,), the kind of each, from 0.
        alpha: from 0, where all kinds are as likely, to 1.
        draw: seed and epoch; None: the rows as they are.
    """

    def __init__(
        self,
        examples: Examples,
        kinds: np.ndarray,
        alpha: float,
        draw: tuple[int, int] | None = None,
    ):
        self._kinds, self._alpha = kinds, alpha
        super().__init__(examples, np.arange(len(kinds)) if draw is None else self._drawn(draw))
        self.varies, self.notes = True, examples.notes

    def _drawn(self, draw: tuple[int, int]) -> np.ndarray:
        """Which row stands in the place of each."""
        counts = np.bincount(self._kinds)
        by_kind = np.argsort(self._kinds, kind="stable")
        shares = np.where(counts > 0, counts.astype(float) ** self._alpha, 0)
        below = np.cumsum(shares) / shares.sum()
        found = np.empty(len(self._kinds), np.int64)
        for start in range(0, len(found), AT_ONCE):
            places = np.arange(start, min(start + AT_ONCE, len(found)))
            kind, which = uniform(draw, places, 2, stream=4).T
            kind = np.searchsorted(below[:-1], kind, side="right")
            first = np.cumsum(counts)[kind] - counts[kind]
            found[places] = by_kind[first + (which * counts[kind]).astype(np.int64)]
        return found

    def take(self, rows: np.ndarray) -> Examples:
        """The rows at these indices, from which alone it is drawn then."""
        return Resampled(self._examples.take(rows), self._kinds[rows], self._alpha)

    def of_epoch(self, seed: int, epoch: int) -> Examples:
        drawn = self._examples.of_epoch(seed, epoch)
        return Resampled(drawn, self._kinds, self._alpha, (seed, epoch))

"""A few padded shapes that waste little, chosen from the lengths of the rows."""

import numpy as np

LEVELS = 64  # lengths tried on each axis; more cost time and save nothing that shows
SWEEPS = 10  # it settles after two or three
NO_ROOM = np.iinfo(np.int32).max


def choose_widths(lengths: np.ndarray, count: int) -> np.ndarray:
    """Chooses the padded widths among which all rows are spread with the least padding.

    A row goes to the cheapest choice that is wide enough on each axis, the cost being the sum
    of the widths. The search is greedy (which choice more saves most?), then moves one choice
    at a time until nothing is gained. Deterministic, as it counts in integers, and a fraction of
    a second whatever the number of rows, as it works on the histogram of the lengths.

    Args:
        lengths: int array (rows, axes), the ids of each row on each axis (source, target).
        count: how many choices at most.

    Returns:
        int64 array (chosen, axes), the cheapest first; each row fits into one of them.
    """
    levels = [_levels(axis) for axis in lengths.T]
    # A length between two levels can only be padded to the upper one.
    pairs = zip(levels, lengths.T, strict=True)
    rounded = np.stack([level[np.searchsorted(level, axis)] for level, axis in pairs], axis=1)
    cells, cell_of_row = _cells(rounded)
    rows = np.bincount(cell_of_row)
    candidates = np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1).reshape(-1, len(levels))
    cost = _cost(cells, candidates)
    chosen = [len(candidates) - 1]  # the widest on each axis
    search = _Search(cost, rows, cost[:, -1])
    while len(chosen) < count:
        chosen.append(search.best())
        search.settle(np.minimum(search.taken, cost[:, chosen[-1]]))
    in_chosen = cost[:, chosen]
    for _ in range(SWEEPS):
        before = list(chosen)
        for i in range(1, len(chosen)):
            in_chosen[:, i] = NO_ROOM
            search.settle(in_chosen.min(axis=1))
            chosen[i] = search.best()
            in_chosen[:, i] = cost[:, chosen[i]]
            search.settle(np.minimum(search.taken, in_chosen[:, i]))
        if chosen == before:
            break

    widths = np.unique(candidates[chosen], axis=0)
    widths = widths[np.argsort(widths.sum(axis=1), kind="stable")]
    return widths[np.unique(cheapest(lengths, widths))]


class _Search:
    """What each candidate would save, kept up to date where the choices change.

    Args:
        cost: positions of a row of each cell in each candidate: int64 array (cells, candidates).
        rows: how many rows each cell has.
        taken: the positions that a row of each cell takes now.
    """

    def __init__(self, cost: np.ndarray, rows: np.ndarray, taken: np.ndarray):
        self._cost, self._rows, self.taken = cost, rows, taken
        self._saved = self._saved_in(slice(None))

    def best(self) -> int:
        """The candidate that would save most."""
        return int(np.argmax(self._saved))

    def settle(self, taken: np.ndarray) -> None:
        """Notes the positions that rows take after another choice."""
        changed = np.flatnonzero(taken != self.taken)
        self._saved -= self._saved_in(changed)
        self.taken = taken
        self._saved += self._saved_in(changed)

    def _saved_in(self, cells):
        saved = np.maximum(self.taken[cells, None] - self._cost[cells], 0)
        return self._rows[cells] @ saved


def cheapest(lengths: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """For each row of `lengths` the index of the cheapest of `widths` that covers it.

    Args:
        lengths: int array (rows, axes).
        widths: int array (choices, axes); one of them must cover every row.

    Returns:
        int64 array (rows,).
    """
    cells, cell_of_row = _cells(lengths)
    return np.argmin(_cost(cells, widths), axis=1)[cell_of_row]


def _cells(lengths):
    """The distinct rows of `lengths`, few even when rows are many, and which is whose."""
    keys = np.ravel_multi_index(lengths.T, lengths.max(axis=0) + 1)
    _, first, cell_of_row = np.unique(keys, return_index=True, return_inverse=True)
    return lengths[first], cell_of_row


def _cost(cells, widths):
    """Positions that a row of each cell takes in each choice: int64 array (cells, choices)."""
    covered = (cells[:, None] <= widths).all(axis=-1)
    return np.where(covered, widths.sum(axis=1), NO_ROOM)


def _levels(lengths):
    levels = np.unique(lengths)
    if len(levels) > LEVELS:
        # Half of them where the rows are, half of them spread over the long tail.
        steps = np.linspace(0, 1, LEVELS // 2 + 1)
        both = [np.quantile(x, steps, method="higher") for x in (lengths, levels)]
        levels = np.unique(both)
    return levels

"""A few padded shapes that waste little, chosen from the lengths of the rows."""

from typing import Any

import numpy as np

LEVELS = 64  # lengths tried on each axis; more cost time and save nothing that shows
CANDIDATES = LEVELS**2  # widths tried, and distinct rows they are tried on: bounds the memory
BLOCK = 1 << 20  # entries of a table of costs that is not kept
MOST_KEYS = 1 << 40  # times the longest row it is still an int64
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
    cells, rows, candidates = _grid(*_cells(lengths))
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
        self._saved = self._saved_in(np.arange(len(rows)))

    def best(self) -> int:
        """The candidate that would save most."""
        return int(np.argmax(self._saved))

    def settle(self, taken: np.ndarray) -> None:
        """Notes the positions that rows take after another choice."""
        changed = np.flatnonzero(taken != self.taken)
        self._saved -= self._saved_in(changed)
        self.taken = taken
        self._saved += self._saved_in(changed)

    def _saved_in(self, cells: Any) -> Any:
        saved = np.zeros(self._cost.shape[1], np.int64)
        step = max(BLOCK // len(saved), 1)
        for start in range(0, len(cells), step):
            some = cells[start : start + step]
            saved += self._rows[some] @ np.maximum(self.taken[some, None] - self._cost[some], 0)
        return saved


def cheapest(lengths: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """For each row of `lengths` the index of the cheapest of `widths` that covers it.

    Args:
        lengths: int array (rows, axes).
        widths: int array (choices, axes); one of them must cover every row.

    Returns:
        int array (rows,).
    """
    cells, cell_of_row = _cells(lengths)
    step = max(BLOCK // len(widths), 1)
    blocks = [cells[start : start + step] for start in range(0, len(cells), step)]
    return np.concatenate([np.argmin(_cost(block, widths), axis=1) for block in blocks])[
        cell_of_row
    ]


def _cells(lengths: Any) -> Any:
    """The distinct rows of `lengths`, few even when rows are many, and which is whose."""
    keys, count = np.zeros(len(lengths), np.int64), 1
    for axis in lengths.T:
        size = int(axis.max()) + 1
        if count * size > MOST_KEYS:
            distinct, keys = np.unique(keys, return_inverse=True)
            count = len(distinct)
        keys, count = keys * size + axis, count * size
    _, first, cell_of_row = np.unique(keys, return_index=True, return_inverse=True)
    return lengths[first], cell_of_row


def _grid(cells: Any, cell_of_row: Any) -> Any:
    """Cells rounded up to a few lengths on each axis, the rows of each, and widths to try.

    A length between two levels can only be padded to the upper one. The widths are all
    combinations of levels. Where several axes would make too many, they are the cells and what
    is the widest on each axis: axes that go together need few, those that do not fewer levels.
    """
    rows = np.bincount(cell_of_row)
    levels = LEVELS
    while True:
        steps = [_levels(np.repeat(axis, rows), levels) for axis in cells.T]
        pairs = zip(steps, cells.T, strict=True)
        rounded = np.stack([step[np.searchsorted(step, axis)] for step, axis in pairs], axis=1)
        coarse, cell_of_cell = _cells(rounded)
        if len(coarse) <= CANDIDATES:
            break
        levels //= 2
    if np.prod([float(len(step)) for step in steps]) <= CANDIDATES:
        widths = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, len(steps))
    else:
        widths = np.concatenate([coarse, coarse.max(axis=0, keepdims=True)])
    counts = np.bincount(cell_of_cell, weights=rows).astype(np.int64)
    return coarse, counts, widths


def _cost(cells: Any, widths: Any) -> Any:
    """Positions that a row of each cell takes in each choice: int32 array (cells, choices)."""
    covered = np.ones((len(cells), len(widths)), bool)
    for lengths, choices in zip(cells.T, widths.T, strict=True):
        covered &= lengths[:, None] <= choices
    return np.where(covered, widths.sum(axis=1, dtype=np.int32), np.int32(NO_ROOM))


def _levels(lengths: Any, most: int) -> Any:
    levels = np.unique(lengths)
    if most < 2:
        return levels[-1:]
    if len(levels) > most:
        # Half of them where the rows are, half of them spread over the long tail.
        steps = np.linspace(0, 1, most // 2 + 1)
        both = [np.quantile(x, steps, method="higher") for x in (lengths, levels)]
        levels = np.unique(both)
    return levels

"""Numbers that objectives draw: of (seed, epoch, row, column, stream) alone, in any order."""

from typing import Any

import numpy as np


def uniform(draw: tuple[int, int], rows: np.ndarray, width: int, stream: int = 0) -> np.ndarray:
    """Numbers from 0 to 1, a function of seed, epoch, row, column and stream alone.

    A row has the same ones whatever rows are beside it and however wide the batch is.

    Args:
        draw: seed and epoch.
        rows: int array (rows,), their numbers in the data set.
        width: how many numbers each row gets.
        stream: tells what is drawn from what else is drawn for the same columns.

    Returns:
        float64 array (rows, width), below 1.

    Example:

    >>> wide = uniform((3, 7), np.array([4, 5]), width=6)
    >>> np.array_equal(uniform((3, 7), np.array([5]), width=2), wide[1:, :2])
    True
    """
    seed, epoch = draw
    state = _mixed(np.uint64(seed + (stream << 32)))
    state = _mixed(state + np.uint64(epoch))
    state = _mixed(state + np.asarray(rows, np.int64).astype(np.uint64))
    drawn = _mixed(state[:, None] + np.arange(width, dtype=np.uint64))
    return (drawn >> np.uint64(11)).astype(np.float64) / 2**53


def _mixed(state: Any) -> Any:
    """A finaliser of splitmix64 (Steele et al. 2014): each bit depends on all bits."""
    with np.errstate(over="ignore"):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))

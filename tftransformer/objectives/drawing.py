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


def chosen(
    draw: tuple[int, int], rows: np.ndarray, may: np.ndarray, count: np.ndarray, stream: int = 0
) -> np.ndarray:
    """Chooses `count` of the columns of each row that may be, each set of them equally likely.

    Args:
        draw, rows, stream: see `uniform`.
        may: bool array (rows, width), which columns may be chosen.
        count: int array (rows,), how many are: no more than may be.

    Returns:
        bool array (rows, width).
    """
    drawn = np.where(may, uniform(draw, rows, may.shape[1], stream), 2.0)
    rank = np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1)
    return rank < count[:, None]


def spread(
    gaps: np.ndarray, sizes: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lays spans into gaps of what is left of a row without them.

    Args:
        gaps: bool array (rows, tokens + 1), before which of the tokens that are left a span stands;
            the gap behind the last of them is one, too.
        sizes: int array (rows, spans), tokens of the span in each gap, in their order; a span may
            have none.
        lengths: int array (rows,), tokens of each row.

    Returns:
        two bool arrays (rows, tokens + 1): where a span begins (one without tokens before the token
        that stands there), and which tokens are in one.

    Example: a span of two tokens, then one of none.

    >>> begins, inside = spread(np.array([[0, 1, 0, 1, 0, 0]], bool), np.array([[2, 0]]), [5])
    >>> begins.astype(int).tolist(), inside.astype(int).tolist()
    ([[0, 1, 0, 0, 0, 1]], [[0, 1, 1, 0, 0, 0]])
    """
    column = np.arange(gaps.shape[1])
    within = np.pad(np.cumsum(sizes, axis=1), ((0, 0), (1, 0)))
    number = np.cumsum(gaps, axis=1)
    place = column + np.take_along_axis(within, number, axis=1)
    row, gap = np.nonzero(gaps)
    begins = np.zeros(gaps.shape, bool)
    begins[row, place[row, gap] - sizes[row, number[row, gap] - 1]] = True
    left = place < np.asarray(lengths)[:, None]
    row, gap = np.nonzero(left)
    inside = column < np.asarray(lengths)[:, None]
    inside[row, place[row, gap]] = False
    return begins, inside


def moved_to_front(
    ids: np.ndarray, keep: np.ndarray, width: int, fill: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ids to keep, at the front: int32 (rows, width), and where they are: bool."""
    keep = keep & (np.cumsum(keep, axis=1) <= width)
    real = np.arange(width) < keep.sum(axis=1, keepdims=True)
    moved = np.full(real.shape, fill, np.int32)
    moved[real] = ids[keep]
    return moved, real


def _mixed(state: Any) -> Any:
    """A finaliser of splitmix64 (Steele et al. 2014): each bit depends on all bits."""
    with np.errstate(over="ignore"):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))

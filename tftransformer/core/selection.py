"""Selecting along axis 1, row by row."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core.compiling import argmax


def flat_rows(index: Any, rows: Any) -> Any:
    """Indices (batch, n) into axis 1 as indices (batch · n,) into rows (batch · `rows`)."""
    index = ops.cast(index, "int32")
    offsets = ops.arange(ops.shape(index)[0], dtype="int32") * rows
    return ops.reshape(index + offsets[:, None], (-1,))


def pick(x: Any, index: Any) -> Any:
    """`x[b, index[b, i]]`: (batch, n, ...) by (batch, m) to (batch, m, ...)."""
    shape = ops.shape(x)
    rows = ops.reshape(x, (-1, *shape[2:]))
    picked = ops.take(rows, flat_rows(index, shape[1]), axis=0)
    return ops.reshape(picked, (*ops.shape(index), *shape[2:]))


def among(x: Any, values: Sequence[int]) -> Any:
    """Where an int tensor holds one of some numbers, one at least: bool, of its shape."""
    return ops.any(ops.expand_dims(x, -1) == ops.cast(np.array(values), x.dtype), axis=-1)


def top_k(x: Any, k: int) -> Any:
    """The k largest of each row, largest first, and their places; among equals the first.

    The same as `ops.top_k`, whose search through a long row is slow on a CPU: here it looks
    only into the k blocks with the largest maxima, which hold the k largest values.

    Args:
        x: float tensor (rows, n), n static.
        k: int ≤ n.

    Returns:
        Values (rows, k) and int32 indices (rows, k).
    """
    width = _block_width(x.shape[1], k)
    if width is None:
        values, places = ops.top_k(x, k)
        return values, ops.cast(places, "int32")
    blocks = ops.reshape(x, (-1, x.shape[1] // width, width))
    _, best = ops.top_k(ops.max(blocks, axis=-1), k)
    best = ops.sort(best, axis=-1)  # in the order of the row: the first among equals stays so
    values, places = ops.top_k(ops.reshape(pick(blocks, best), (-1, k * width)), k)
    places = ops.cast(places, "int32")
    return values, pick(ops.cast(best, "int32"), places // width) * width + places % width


def best_index(scores: Any) -> Any:
    """The index of the largest score on the last axis, the first among equals.

    One pass over the scores finds the maxima of blocks; the search is in the best block alone. No
    row is sorted, which on a GPU takes longer than the loss of it.

    Args:
        scores: float tensor (..., n).

    Returns:
        int32 tensor (...,).
    """
    *batch, size = ops.shape(scores)
    rows = ops.reshape(ops.cast(scores, "float32"), (-1, size))
    width = _block_width(rows.shape[1], 1)
    if width is None:
        return ops.reshape(argmax(rows), batch)
    blocks = ops.reshape(rows, (-1, rows.shape[1] // width, width))
    best = argmax(ops.max(blocks, axis=-1))
    place = argmax(pick(blocks, best[:, None])[:, 0])
    return ops.reshape(best * width + place, batch)


@functools.cache
def _block_width(size: Any, k: int) -> Any:
    """The width of equal blocks, or None where blocks would not pay or the size is open.

    Of the divisors it is the one that leaves the least to look through: one maximum of each block,
    and k blocks.
    """
    if size is None:
        return None
    widths = (width for width in range(64, size // (4 * k) + 1) if size % width == 0)
    width = min(widths, key=lambda width: size // width + k * width, default=0)
    return width if width and size // width + k * width <= size // 4 else None

"""Texts that can be cut in two equally good ways."""

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged


class EqualCuts:
    """Of cuts with equal sums of scores, the one that the graph takes.

    Two libraries cut, and of equal sums each takes another ("0", "00" or "00", "0"). Sums are
    equal where pieces change places, and what they spell stays the same only if all of them repeat
    one string.

    Args:
        processor: that of a model.
    """

    def __init__(self, processor: Any):
        # A number for the string that a piece repeats, 0 where no other piece repeats it.
        size = processor.get_piece_size()
        scores = (processor.get_score(i) for i in range(size))
        self._roots = np.zeros(size, np.int64)
        if all(score.is_integer() for score in scores):  # ranks of merges: no two are equal
            return
        families = collections.defaultdict(list)
        for i, piece in enumerate(map(processor.id_to_piece, range(size))):
            families[piece[: (piece + piece).find(piece, 1)]].append(i)
        for number, family in enumerate(families.values(), 1):
            self._roots[family] = number if len(family) > 1 else 0

    def settled(self, ids: Ragged, again: Callable[[np.ndarray], tf.RaggedTensor]) -> Ragged:
        """The model's `ids`; rows with equally good ways to cut are cut `again`, by number."""
        roots, values = self._roots, ids.values
        repeats = (roots > 0).take(values)
        places = np.flatnonzero(repeats[:-1] & repeats[1:])
        left, right = values[places], values[places + 1]
        tied = (roots[left] == roots[right]) & (left != right)
        rows = np.unique(np.searchsorted(ids.row_splits, places[tied], side="right") - 1)
        if not len(rows):
            return ids
        found = again(rows)
        cut, splits = found.flat_values.numpy(), found.row_splits.numpy()
        lengths = ids.lengths
        kept = np.split(values, ids.row_splits[np.stack([rows, rows + 1], axis=1)].ravel())
        lengths[rows] = np.diff(splits)
        kept[1::2] = np.split(cut, splits[1:-1])
        return Ragged(np.concatenate(kept), np.concatenate([[0], np.cumsum(lengths)]))

"""Texts that can be cut in two equally good ways."""

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged, splits_of


class EqualCuts:
    """Of cuts with equal sums of scores, the one that the graph takes.

    Two libraries cut, and of equal sums each takes another ("0", "00" or "00", "0"). Sums are
    equal where pieces change places. What two of them spell stays the same only if both repeat one
    string; what three of them spell also if one is the beginning and the end of another ("a", "b",
    "aba" or "aba", "b", "a"). Of these rows the graph's cut is taken. Where more than three pieces
    would have to change places at once, the two may still differ.

    Args:
        processor: that of a model.
    """

    def __init__(self, processor: Any):
        size = processor.get_piece_size()
        # A number for the string that a piece repeats, 0 where no other piece repeats it; and one
        # for its first and last character, 0 where it is no border and has none.
        self._roots, self._ends = np.zeros(size, np.int32), np.zeros(size, np.int32)
        self._pieces = [processor.id_to_piece(i) for i in range(size)]
        scores = (processor.get_score(i) for i in range(size))
        if all(score.is_integer() for score in scores):  # ranks of merges: no two are equal
            return
        families = collections.defaultdict(list)
        ids = {piece: i for i, piece in enumerate(self._pieces)}
        codes: dict[str, int] = {}
        for i, piece in enumerate(self._pieces):
            families[piece[: (piece + piece).find(piece, 1)]].append(i)
            for border in _borders(piece):
                if border in ids:
                    code = codes.setdefault(piece[0] + piece[-1], len(codes) + 1)
                    self._ends[[i, ids[border]]] = code
        for number, family in enumerate(families.values(), 1):
            self._roots[family] = number if len(family) > 1 else 0

    def settled(self, ids: Ragged, again: Callable[[np.ndarray], tf.RaggedTensor]) -> Ragged:
        """The model's `ids`; rows with equally good ways to cut are cut `again`, by number."""
        rows = self._tied(ids)
        if not len(rows):
            return ids
        found = again(rows)
        cut, splits = found.flat_values.numpy(), found.row_splits.numpy()
        lengths, values = ids.lengths, ids.values
        kept = np.split(values, ids.row_splits[np.stack([rows, rows + 1], axis=1)].ravel())
        lengths[rows] = np.diff(splits)
        kept[1::2] = np.split(cut, splits[1:-1])
        return Ragged(np.concatenate(kept), splits_of(lengths))

    def _tied(self, ids: Ragged) -> np.ndarray:
        """The numbers of the rows that may be cut otherwise."""
        values = ids.values
        roots, ends = self._roots.take(values), self._ends.take(values)
        two = np.flatnonzero((roots[:-1] == roots[1:]) & (roots[1:] > 0))
        two = two[values[two] != values[two + 1]]
        three = np.flatnonzero((ends[:-2] == ends[2:]) & (ends[2:] > 0))
        three = three[values[three] != values[three + 2]]
        swaps = [self._swaps(*values[place : place + 3].tolist()) for place in three.tolist()]
        three = three[np.array(swaps, bool)]
        first, last = np.concatenate([two, three]), np.concatenate([two + 1, three + 2])
        rows = np.searchsorted(ids.row_splits, first, side="right") - 1
        return np.unique(rows[last < ids.row_splits[rows + 1]])

    def _swaps(self, first: int, middle: int, last: int) -> bool:
        one, between, other = (self._pieces[i] for i in (first, middle, last))
        return one + between + other == other + between + one


def _borders(piece: str) -> list[str]:
    """What a string begins and ends with, shorter than itself."""
    return [piece[:n] for n in range(1, len(piece)) if piece.endswith(piece[:n])]

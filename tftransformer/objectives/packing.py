"""Blocks of several documents in one row, which know nothing of each other."""

import bisect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, splits_of
from tftransformer.objectives.columns import numbers_in_batch
from tftransformer.objectives.examples import Examples


class PackedExamples(Examples):
    """Rows of blocks for models that have `DocumentMask()` in their mask.

    Inputs are `token_ids`, `padding_mask`, `position_ids`, which begin at 0 in each block, and
    `query_documents` and `key_documents`, the number of the block in its row from 1 on, 0 where
    there is none.

    Args:
        blocks: ids, that of the last label too.
        rows: which blocks stand in each row.
        pad: the id of padding.
        by_output: gives labels and weights the name of the output that they are for.
    """

    axes = ("tokens",)

    def __init__(self, blocks: Ragged, rows: Ragged, pad: int, by_output: Callable[[Any], Any]):
        self._blocks, self._rows, self._pad, self._by_output = blocks, rows, pad, by_output

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def lengths(self) -> np.ndarray:
        tokens = splits_of(self._blocks.lengths[self._rows.values] - 1)
        return np.diff(tokens[self._rows.row_splits])[:, None].astype(np.int32)

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        chosen = self._rows.take(rows)
        lengths = self._blocks.lengths_of(chosen.values) - 1
        splits = splits_of(lengths)
        positions = np.arange(splits[-1]) - np.repeat(splits[:-1], lengths)
        places = np.repeat(self._blocks.row_splits[chosen.values], lengths) + positions
        numbers = np.arange(len(lengths)) - np.repeat(chosen.row_splits[:-1], chosen.lengths)
        numbers_of_rows = numbers_in_batch(rows)

        def laid(values: np.ndarray, fill: int = 0) -> np.ndarray:
            return Ragged(values, splits[chosen.row_splits]).dense(numbers_of_rows, widths[0], fill)

        documents = laid(np.repeat(numbers + 1, lengths))
        inputs = {
            "token_ids": laid(self._blocks.values[places], self._pad),
            "padding_mask": documents > 0,
            "position_ids": laid(positions),
            "query_documents": documents,
            "key_documents": documents,
        }
        labels = laid(self._blocks.values[places + 1], self._pad)
        weights = (documents > 0).astype(np.float32)
        return inputs, self._by_output(labels), self._by_output(weights)


def pack(lengths: np.ndarray, room: int) -> Ragged:
    """Which blocks share a row: the longest first, each where it leaves the least room.

    Args:
        lengths: int array (blocks,), each from 1 to `room`.
        room: room of a row.

    Returns:
        a row of numbers of blocks for each row, in their order.

    >>> pack(np.array([2, 3, 1, 2]), room=4).tolist()
    [[1, 2], [0, 3]]
    """
    rows: list[list[int]] = []
    waiting: dict[int, list[int]] = {}  # rows by the room that is left in them
    rooms: list[int] = []  # those of `waiting`, sorted
    for block in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[block])
        place = bisect.bisect_left(rooms, length)
        if place == len(rooms):
            row, left = len(rows), room - length
            rows.append([block])
        else:
            found = rooms[place]
            row, left = waiting[found].pop(), found - length
            rows[row].append(block)
            if not waiting[found]:
                del waiting[found], rooms[place]
        if left:
            if left not in waiting:
                waiting[left] = []
                bisect.insort(rooms, left)
            waiting[left].append(row)
    return Ragged.from_rows([sorted(row) for row in rows])

"""Padding examples into a batch."""

import numpy as np

from tftransformer.core import Ragged
from tftransformer.objectives import Examples


def examples():
    rows = Ragged.from_rows([[5, 6, 7], [8], [9, 10]])
    return Examples({"token_ids": rows}, rows.with_end(3))


def test_missing_rows_are_padding_of_weight_zero():
    made = Examples({"a": Ragged.from_rows([[5], [6, 7]])}, Ragged.from_rows([[8], [9, 10]]))
    inputs, labels, weights = made.batch(np.array([1]), (3, 2), pad_id=4)
    assert inputs["a"].tolist() == [[6, 7], [4, 4], [4, 4]]
    assert labels.tolist() == [[9, 10], [4, 4], [4, 4]]
    assert weights.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert (inputs["a"].dtype, labels.dtype, weights.dtype) == (np.int32, np.int32, np.float32)


def test_take_and_where_move_all_columns_together():
    made = examples()
    swapped = made.take(np.array([2, 1, 0]))
    assert swapped.lengths.tolist() == [[2], [1], [3]]
    assert swapped.labels.lengths.tolist() == [3, 2, 4]
    mixed = made.where(np.array([True, False, False]), swapped)
    assert mixed.inputs["token_ids"].values.tolist() == [5, 6, 7, 8, 5, 6, 7]
    assert mixed.labels.lengths.tolist() == [4, 2, 4]

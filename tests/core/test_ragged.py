"""Ragged rows against plain lists."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged

ROWS = st.lists(st.lists(st.integers(4, 99), max_size=5), min_size=1, max_size=8)


def as_lists(ragged):
    return [part.tolist() for part in np.split(ragged.values, ragged.row_splits[1:-1])]


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_everything_equals_the_same_on_lists(rows, data):
    ragged = Ragged.from_rows(rows)
    assert ragged.values.dtype == np.int32
    assert len(ragged) == len(rows)
    assert as_lists(ragged) == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    assert as_lists(ragged.with_start(2)) == [[2, *row] for row in rows]
    assert as_lists(ragged.with_end(3)) == [[*row, 3] for row in rows]

    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    assert as_lists(ragged.take(np.array(chosen))) == [rows[i] for i in chosen]

    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    merged = ragged.where(keep, ragged.with_end(3))
    expected = [row if own else [*row, 3] for own, row in zip(keep, rows, strict=True)]
    assert as_lists(merged) == expected


@settings(deadline=None)
@given(rows=ROWS)
def test_dense_pads_at_the_end_alone(rows):
    ragged = Ragged.from_rows(rows).with_end(3)
    dense = ragged.dense(np.arange(len(rows)), width=8, pad_id=0)
    assert dense.dtype == np.int32
    expected = [[*row, 3] + [0] * (7 - len(row)) for row in rows]
    assert dense.tolist() == expected

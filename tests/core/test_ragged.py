"""Ragged rows against plain lists."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged

ROWS = st.lists(st.lists(st.integers(4, 99), max_size=5), min_size=1, max_size=8)
EDGES = st.lists(st.integers(1, 3), max_size=2)


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_everything_equals_the_same_on_lists(rows, data):
    ragged = Ragged.from_rows(rows)
    assert ragged.values.dtype == np.int32
    assert len(ragged) == len(rows)
    assert ragged.tolist() == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]

    chosen = data.draw(st.lists(st.integers(-1, len(rows) - 1), min_size=1))
    expected = [rows[i] if i >= 0 else [] for i in chosen]
    assert ragged.take(np.array(chosen)).tolist() == expected
    assert ragged.lengths_of(np.array(chosen)).tolist() == [len(row) for row in expected]
    parts = [ragged.take(np.array(chosen)), ragged, ragged]
    assert Ragged.concatenate(parts).tolist() == [*expected, *rows, *rows]


@settings(deadline=None)
@given(
    rows=ROWS, before=EDGES, after=EDGES, fill=st.integers(-1, 1), width=st.integers(0, 12),
    data=st.data(),
)  # fmt: skip
def test_dense_pads_at_the_end_alone(rows, before, after, fill, width, data):
    chosen = data.draw(st.lists(st.integers(-1, len(rows) - 1), min_size=1))
    ragged = Ragged.from_rows(rows)
    dense = ragged.dense(np.array(chosen), width, fill, before, after)
    assert dense.dtype == np.int32
    real = [[*before, *rows[i], *after] if i >= 0 else [] for i in chosen]
    assert dense.tolist() == [(row + [fill] * width)[:width] for row in real]


def test_rows_may_lie_on_the_disk(tmp_path):
    rows = [[5, 6], [], [7]]
    plain = Ragged.from_rows(rows)
    for dtype in ("int32", "uint16"):
        plain.values.astype(dtype).tofile(tmp_path / "values")
        plain.row_splits.tofile(tmp_path / "splits")
        mapped = Ragged(
            np.memmap(tmp_path / "values", dtype, "r"), np.memmap(tmp_path / "splits", "int64", "r")
        )
        dense = mapped.dense(np.array([2, -1, 0]), 4, before=(2,), after=(3,))
        assert dense.tolist() == [[2, 7, 3, 0], [0, 0, 0, 0], [2, 5, 6, 3]]
        assert dense.dtype == np.int32
        assert mapped.take(np.array([2, 0])).tolist() == [[7], [5, 6]]
        # What is read is a plain copy: nothing keeps the file open.
        assert type(dense) is type(mapped.take(np.array([0])).values) is np.ndarray
        assert type(mapped.values) is np.memmap

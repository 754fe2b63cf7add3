"""The plan of an epoch: every row once, few shapes, no batch above the budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.data.plan import Planner

LENGTHS = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=60)


def generator(seed):
    return None if seed is None else np.random.default_rng(seed)


@settings(deadline=None, max_examples=60)
@given(
    lengths=LENGTHS,
    batch_tokens=st.integers(20, 200),
    max_shapes=st.integers(1, 5),
    seed=st.none() | st.integers(0, 9),
    data=st.data(),
)
def test_each_row_stands_in_one_batch_that_holds_it(lengths, batch_tokens, max_shapes, seed, data):
    lengths = np.array(lengths)
    planner = Planner(lengths, batch_tokens, max_shapes)
    assert len(planner.shapes) <= max_shapes
    assert all(height * max(widths) <= batch_tokens for height, *widths in planner.shapes)
    # Also other rows than those the shapes were chosen for, none of them longer than the longest.
    other = data.draw(st.lists(st.sampled_from(lengths.tolist()), min_size=1, max_size=60))
    for rows in (lengths, np.array(other)):
        plan = planner.plan(rows, generator(seed))
        placed = np.concatenate([batch.rows for batch in plan])
        assert sorted(placed) == list(range(len(rows)))
        for batch in plan:
            assert batch.shape in planner.shapes
            assert 1 <= len(batch.rows) <= batch.shape[0]
            assert (rows[batch.rows] <= batch.shape[1:]).all()


def test_a_small_rest_goes_up_into_a_wider_batch():
    lengths = np.repeat([[4], [8]], [10, 5], axis=0)
    planner = Planner(lengths, batch_tokens=40, max_shapes=2)
    assert planner.shapes == [(10, 4), (5, 8)]
    eleven = np.repeat([[4], [8]], [11, 4], axis=0)
    plan = planner.plan(eleven, None)
    assert [(len(batch.rows), batch.shape) for batch in plan] == [(10, (10, 4)), (5, (5, 8))]


def test_heights_leave_no_batch_half_empty():
    planner = Planner(np.full((11, 1), 4), batch_tokens=40, max_shapes=3)
    assert planner.shapes == [(6, 4)]
    assert [len(batch.rows) for batch in planner.plan(np.full((11, 1), 4), None)] == [6, 5]


def test_a_row_wider_than_a_batch_is_an_error():
    with pytest.raises(ValueError, match=r"batch_tokens=8 leaves no room for a row of 9 tokens"):
        Planner(np.array([[3, 9]]), batch_tokens=8, max_shapes=4)

"""T5's buckets of distances."""

import numpy as np
import pytest

from tftransformer.positions import BucketedBias

COLUMNS = np.arange(40)


def test_near_distances_have_buckets_of_their_own_and_far_ones_share():
    """8 buckets on one side: 0…3 alone, then 4…5, 6…8, 9…13, and all the rest."""
    layer = BucketedBias(1, num_buckets=8, max_distance=20, bidirectional=False)
    buckets = np.array(layer.buckets(COLUMNS, np.zeros(1, "int32")))[:, 0]
    assert buckets.tolist() == [0, 1, 2, 3, 4, 4, 5, 5, 5, *[6] * 5, *[7] * 26]


def test_keys_behind_and_ahead_are_told_apart_only_where_both_count():
    query = np.array([5], "int32")
    both = np.array(BucketedBias(1, 8, 20).buckets(query, COLUMNS[:11]))[0]
    assert (both[6:] == both[4::-1][:5] + 4).all()
    causal = np.array(BucketedBias(1, 8, 20, bidirectional=False).buckets(query, COLUMNS[:11]))[0]
    assert (causal[5:] == 0).all()


def test_the_bias_depends_on_the_distance_alone_and_takes_positions_of_each_row():
    layer = BucketedBias(3, num_buckets=8, max_distance=20)
    whole = np.array(layer(COLUMNS, COLUMNS))
    assert whole.shape == (1, 3, 40, 40)
    np.testing.assert_array_equal(whole[..., 1:, 1:], whole[..., :-1, :-1])
    step = np.array(layer(np.array([7]), COLUMNS))
    np.testing.assert_array_equal(step, whole[:, :, 7:8])
    rows = np.stack([COLUMNS, COLUMNS + 100])
    np.testing.assert_array_equal(layer(rows, rows), np.repeat(whole, 2, axis=0))


def test_layer_contract(layer_contract):
    layer_contract(
        lambda **given: BucketedBias(2, 8, 6, **given),
        np.array([[0, 1, 4, 9], [9, 5, 3, 2]], "int32"),
        np.array([[0, 1, 2, 8], [9, 5, 3, 2]], "int32"),
        parameters=16,
    )


@pytest.mark.parametrize("sizes", [(2, 128), (32, 8)])
def test_sizes_without_room_are_refused(sizes):
    with pytest.raises(ValueError, match="room"):
        BucketedBias(2, *sizes)


def test_a_distance_beyond_all_memory_is_refused():
    with pytest.raises(ValueError, match="a table can hold"):
        BucketedBias(2, max_distance=10**13)

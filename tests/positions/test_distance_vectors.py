"""DeBERTa's vectors of distances."""

import math

import numpy as np
import pytest

from tftransformer.layers import make_norm
from tftransformer.positions import DistanceVectors


def rows(layer, queries, keys):
    """The row of the table for each distance, the largest first."""
    layer.build()
    numbers = np.arange(layer.table.shape[0], dtype="float32")
    layer.table.assign(np.repeat(numbers[:, None], 2, axis=1))
    return np.array(layer(np.arange(queries), np.arange(keys)))[:, 0].astype(int).tolist()


def test_each_distance_has_a_vector_and_those_beyond_share_the_outermost():
    found = rows(DistanceVectors(2, 3), 6, 5)
    assert found == [5, 5, 5, 5, 4, 3, 2, 1, 0, 0, 0]


@pytest.mark.parametrize(("reach", "longest"), [(8, 40), (6, 24), (5, 20), (256, 512)])
def test_far_distances_share_buckets_whose_width_grows(reach, longest):
    near, length = reach // 2, 2 * longest

    def bucket(distance):
        if abs(distance) <= near:
            return distance
        share = math.log(abs(distance) / near) / math.log((longest - 1) / near)
        # Behind 12 digits, so that no step is missed by the rounding of a logarithm.
        number = near + math.ceil(round(share * (near - 1), 12))
        return number if distance > 0 else -number

    distances = range(length, -length - 1, -1)
    expected = [min(max(bucket(d) + reach, 0), 2 * reach - 1) for d in distances]
    layer = DistanceVectors(2, reach, max_distance=longest)
    assert rows(layer, length + 1, length) == expected


def test_only_how_far_positions_stand_apart_matters_and_rows_have_their_own():
    layer = DistanceVectors(2, 4, norm=make_norm("layer", 1e-5, name="norm"))
    plain = np.array(layer(np.arange(3), np.arange(4)))
    np.testing.assert_allclose(layer(np.arange(3) + 9, np.arange(4) + 9), plain, atol=1e-6)
    step = np.array(layer(np.array([2]), np.arange(4)))
    np.testing.assert_allclose(step[:4], plain[:4], atol=1e-6)
    queries = np.stack([np.arange(3), np.arange(3) + 2])
    by_row = np.array(layer(queries, np.stack([np.arange(4)] * 2)))
    np.testing.assert_allclose(by_row[0], plain, atol=1e-6)
    np.testing.assert_allclose(by_row[1][2:], plain[:-2], atol=1e-6)
    assert layer.compute_output_shape((3,), (4,)) == plain.shape


def test_vectors_are_normalised_if_a_norm_is_given():
    layer = DistanceVectors(8, 4, norm=make_norm("layer", 1e-9, name="norm"))
    found = np.array(layer(np.arange(5), np.arange(5)))
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(-1), 1, atol=1e-4)


def test_layer_contract(layer_contract):
    layer_contract(
        lambda **given: DistanceVectors(4, 6, max_distance=9, **given),
        np.tile(np.arange(12, dtype="int32"), (2, 1)),
        np.tile(np.arange(12, dtype="int32"), (2, 1)),
        parameters=48,
    )


def test_where_no_distance_is_far_each_has_a_bucket_of_its_own():
    assert rows(DistanceVectors(2, 8, max_distance=4), 3, 3) == [10, 9, 8, 7, 6, 5]


@pytest.mark.parametrize(("reach", "longest"), [(1, 9), (8, 2**21)])
def test_sizes_that_make_no_buckets_are_refused(reach, longest):
    with pytest.raises(ValueError, match="make no buckets"):
        DistanceVectors(2, reach, max_distance=longest)

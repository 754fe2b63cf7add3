"""The blockwise top-k is the plain one."""

import numpy as np
import pytest
from keras import ops

from tftransformer.core.selection import pick, top_k


@pytest.mark.parametrize("size", [5, 1000, 4096, 10_000])
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("levels", [3, 10**6])
def test_equals_the_plain_one_ties_included(size, k, levels):
    """Few levels make many equal values: the first of them wins in both."""
    x = np.random.default_rng(size + k).integers(0, levels, (6, size)).astype("float32")
    x[3, size // 2 :] = -np.inf
    x[4] = -np.inf
    values, places = top_k(ops.convert_to_tensor(x), k)
    expected = np.argsort(-x, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(np.array(places), expected)
    np.testing.assert_array_equal(np.array(values), np.take_along_axis(x, expected, 1))


def test_pick_follows_the_index_row_by_row():
    x = np.arange(24).reshape(2, 3, 4)
    picked = pick(ops.convert_to_tensor(x), ops.convert_to_tensor([[2, 0], [1, 1]]))
    np.testing.assert_array_equal(np.array(picked), [x[0, [2, 0]], x[1, [1, 1]]])

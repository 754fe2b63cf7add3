"""The one vocabulary of checks: what is refused, and in which words."""

import numpy as np
import pytest

from tftransformer.core import check_ints, check_numbers, is_int, is_number


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_whole_numbers_are_ints(value):
    assert is_int(value, 1)
    check_ints(1, size=value)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1], np.bool_(True), 0])
def test_anything_else_is_refused_by_name(value):
    assert not is_int(value, 1)
    with pytest.raises(ValueError, match=r"size=.* was given; expected an int ≥ 1\."):
        check_ints(1, size=value)


@pytest.mark.parametrize("value", [0, -1.5, float("inf"), float("nan"), "2", True, None])
def test_numbers_are_finite_and_above_the_bound(value):
    with pytest.raises(ValueError, match=r"rate=.* was given; expected a number > 0\."):
        check_numbers(0, rate=value)
    assert is_number(2.5)
    assert is_number(np.float32(2.5))
    check_numbers(0, rate=2, other=0.1)


def test_none_is_accepted_on_request_alone():
    check_ints(1, or_none=True, steps=None)
    check_numbers(0, or_none=True, minutes=None)
    with pytest.raises(ValueError, match=r"steps=0 .* an int ≥ 1 or None"):
        check_ints(1, or_none=True, steps=0)

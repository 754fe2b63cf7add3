"""The choice of widths against brute force."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.data.shapes import LEVELS, cheapest, choose_widths


def positions(lengths, widths):
    """The positions all rows take, each in its cheapest width."""
    return sum(
        min(sum(w) for w in widths if all(a <= b for a, b in zip(row, w, strict=True)))
        for row in lengths
    )


LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(lengths=LENGTHS, count=st.integers(1, 6))
def test_each_row_is_in_its_cheapest_width(lengths, count):
    lengths = np.array(lengths)
    widths = choose_widths(lengths, count)
    assert 1 <= len(widths) <= count
    assert (np.diff(widths.sum(axis=1)) >= 0).all()
    chosen = widths[cheapest(lengths, widths)]
    assert (chosen >= lengths).all()
    assert chosen.sum() == positions(lengths, widths)


@pytest.mark.parametrize("seed", range(5))
def test_close_to_the_best_of_all_choices(seed):
    lengths = np.random.default_rng(seed).integers(1, 7, (30, 2))
    grid = list(itertools.product(range(1, 7), repeat=2))
    widest = tuple(lengths.max(axis=0))
    best = min(positions(lengths, [*pair, widest]) for pair in itertools.combinations(grid, 2))
    assert positions(lengths, choose_widths(lengths, 3)) <= 1.02 * best


def test_close_to_the_best_of_very_many_lengths():
    lengths = np.random.default_rng(0).lognormal(4, 1, (2000, 1)).astype(int) + 1
    levels, rows = np.unique(lengths, return_counts=True)
    assert len(levels) > LEVELS
    # The best on one axis: best[j] = the fewest positions of all rows up to level j.
    below = np.concatenate([[0], np.cumsum(rows)])
    best = np.append(0, np.full(len(levels), np.inf))
    for _ in range(8):
        step = best[:, None] + (below[None, 1:] - below[:, None]) * levels
        step[np.tril_indices_from(step, -1)] = np.inf
        best = np.append(0, step.min(axis=0))
    widths = choose_widths(lengths, 8)
    assert len(widths) == 8
    assert best[-1] <= widths[cheapest(lengths, widths)].sum() <= 1.03 * best[-1]


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("axes", [3, 4, 8, 14])
@pytest.mark.parametrize("alike", [True, False])
def test_several_axes_take_bounded_memory_and_waste_little(axes, alike):
    random = np.random.default_rng(0)
    lengths = random.integers(1, 200, (20_000, 1 if alike else axes))
    lengths = np.repeat(lengths, axes, axis=1) if alike else lengths
    tracemalloc.start()
    widths = choose_widths(lengths, 16)
    chosen = widths[cheapest(lengths, widths)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300e6
    assert len(widths) <= 16
    assert (chosen >= lengths).all()
    if alike:  # like one axis
        single = choose_widths(lengths[:, :1], 16)
        best = single[cheapest(lengths[:, :1], single)].sum() * axes
        assert chosen.sum() <= 1.02 * best
    elif axes <= 8:  # of more that know nothing of each other, a shape covers next to no row
        assert chosen.sum() < 0.97 * lengths.max(axis=0).sum() * len(lengths)

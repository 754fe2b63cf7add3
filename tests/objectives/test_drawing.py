"""Draws of objectives: the same numbers for ever, and even ones."""

import numpy as np

from tftransformer.objectives.drawing import uniform


def test_the_numbers_stay_what_they_were():
    """A run that is resumed must draw as it did before."""
    found = uniform((3, 7), np.array([4, -1]), 3, stream=2)
    expected = [
        [0.1836482006508222, 0.4758761063099548, 0.9964185198903568],
        [0.6948279028607182, 0.9362647035852331, 0.42171432316389],
    ]
    np.testing.assert_array_equal(found, expected)


def test_rows_columns_streams_epochs_and_seeds_draw_evenly_and_apart():
    rows = np.arange(200)
    draws = [
        uniform(draw, rows, 100, stream)
        for draw, stream in [((0, 0), 0), ((0, 0), 1), ((0, 1), 0), ((1, 0), 0)]
    ]
    for drawn in draws:
        assert drawn.min() >= 0
        assert drawn.max() < 1
        counts = np.histogram(drawn, 10, (0, 1))[0]
        np.testing.assert_allclose(counts / drawn.size, 0.1, atol=0.01)
    apart = np.corrcoef([drawn.ravel() for drawn in draws])
    assert np.abs(apart - np.eye(4)).max() < 0.03

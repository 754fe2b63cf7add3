"""Rows that could be cut in two equally good ways are cut as the graph cuts them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.text.equal_cuts import EqualCuts

PIECES = ["a", "b", "ab", "ba", "aba", "aa", "bab", "c"]


class Scored:
    """What is read of a model."""

    get_piece_size = PIECES.__len__
    id_to_piece = PIECES.__getitem__

    def get_score(self, piece):
        return -0.5 - piece


def cut_again(rows):
    """The numbers of the rows that are cut again."""
    found = []

    def again(numbers):
        found.extend(numbers.tolist())
        return tf.ragged.constant([[7]] * len(numbers), dtype=tf.int32)

    settled = EqualCuts(Scored()).settled(Ragged.from_rows(rows), again)
    expected = [[7] if number in found else row for number, row in enumerate(rows)]
    assert [list(row) for row in settled] == expected
    return found


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_whatever_two_or_three_pieces_spell_in_reverse_is_cut_again(pieces):
    rows = [list(row) for row in itertools.product(range(len(PIECES)), repeat=pieces)]

    def spelled(row):
        return "".join(PIECES[i] for i in row)

    backwards = [
        number
        for number, row in enumerate(rows)
        if row != row[::-1] and spelled(row) == spelled(row[::-1])
    ]
    assert {*backwards} <= {*cut_again(rows)}
    assert pieces < 3 or [0, 1, 4] in [rows[number] for number in backwards]


def test_rows_with_one_best_cut_stay():
    assert cut_again([[0, 1, 0], [2, 7, 3], [], [6, 0], [0], [1, 4]]) == []


def test_ranks_of_merges_are_never_equal():
    class Ranked(Scored):
        def get_score(self, piece):
            return -float(piece)

    rows = Ragged.from_rows([[0, 1, 4]])
    assert EqualCuts(Ranked()).settled(rows, None) is rows
    np.testing.assert_array_equal(rows.values, [0, 1, 4])

"""Windows over long rows: as the reference lays them, and which of them decides of a word."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import (
    GivenWords,
    check_stride,
    deciding_pieces,
    deciding_windows,
    lay_windows,
    word_pieces,
    words_between_blanks,
)


def laid(length, room, stride):
    """Windows of one row, one by one, as the `tokenizers` package lays them."""
    found, start = [], 0
    while True:
        found.append((start, min(start + room, length)))
        if found[-1][1] == length:
            return found
        start += room - stride


def most_central(first, last, windows):
    """The number of the deciding window by trying all."""
    holding = [i for i, (start, end) in enumerate(windows) if start <= first and last <= end]
    contexts = [min(first - windows[i][0], windows[i][1] - last) for i in holding]
    return holding[int(np.argmax(contexts))] if holding else -1


ROOMS = st.integers(1, 9).flatmap(lambda room: st.tuples(st.just(room), st.integers(0, room - 1)))


@pytest.mark.slow
@given(lengths=st.lists(st.integers(0, 40), max_size=4), room=ROOMS)
@settings(max_examples=200, deadline=None)
def test_windows_lie_as_the_reference_lays_them(lengths, room):
    room, stride = room
    windows = lay_windows(tf.constant(lengths, tf.int64), room, stride)
    expected = [(i, *span) for i, n in enumerate(lengths) for span in laid(n, room, stride)]
    rows, starts, found = (x.numpy() for x in (windows.rows, windows.starts, windows.lengths))
    assert list(zip(rows, starts, starts + found, strict=True)) == expected
    assert windows.counts.numpy().tolist() == [len(laid(n, room, stride)) for n in lengths]


def test_each_row_may_have_a_room_of_its_own():
    windows = lay_windows(tf.constant([7, 7], tf.int64), tf.constant([4, 6]), 2)
    assert windows.rows.numpy().tolist() == [0, 0, 0, 1, 1]
    assert windows.starts.numpy().tolist() == [0, 2, 4, 0, 4]


@pytest.mark.slow
@given(length=st.integers(1, 40), room=ROOMS, data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_word_is_decided_where_it_stands_most_central(length, room, data):
    room, stride = room
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first + 1, length))
    arguments = (tf.constant([x], tf.int64) for x in (first, last, length))
    found = deciding_windows(*arguments, room, stride).numpy().tolist()
    assert found == [most_central(first, last, laid(length, room, stride))]


def test_pieces_of_a_word_that_no_window_holds_are_decided_one_by_one():
    words = tf.ragged.constant([[0, 1, 1, 1, 1, 1, 2], [0, -1, -1]], tf.int32)
    found = deciding_pieces(words, word_pieces(words), 3, 1).numpy().tolist()
    windows = laid(7, 3, 1)
    alone = [most_central(i, i + 1, windows) for i in range(7)]
    assert found == [*alone, 0, 0, 0]


def test_a_piece_of_no_word_is_one_by_itself_and_rows_do_not_run_together():
    words = tf.ragged.constant([[0, 0, 1], [1, -1, -1, 2], []], tf.int32)
    word, first, last = (x.numpy().tolist() for x in word_pieces(words))
    assert word == [0, 0, 1, 2, 3, 4, 5]
    assert list(zip(first, last, strict=True)) == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]
    empty = word_pieces(tf.ragged.constant([[], []], tf.int32, ragged_rank=1))
    assert [len(x) for x in empty] == [0, 0, 0]


@pytest.mark.parametrize(("room", "stride"), [(3, 3), (3, 4), (0, 0), (-2, 0), (3, -1)])
def test_windows_that_would_not_get_on_are_refused(room, stride):
    with pytest.raises(ValueError, match=rf"room for {max(room, 0)} pieces .* stride={stride} "):
        check_stride(room, stride)


def test_given_words_are_what_blanks_part():
    text = GivenWords.join(["New York", "", "’s", "Zoë😀"])
    assert text == "New\xa0York  ’s Zoë😀"
    assert [text[start:end] for start, end in text.places()] == text.words()
    starts = tf.ragged.constant([[0, 4, 10, 13, 17]], tf.int32)
    words = tf.ragged.constant([[0, 1, 2, 3, -1]], tf.int32)
    found = words_between_blanks(tf.constant([str(text)]), starts, words)
    assert found.to_list() == [[0, 0, 2, 3, -1]]

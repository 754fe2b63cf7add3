"""Windows over long rows of pieces, and which of them decides of what."""

from typing import NamedTuple

import tensorflow as tf


class Windows(NamedTuple):
    """Stretches of rows, in the order of the rows.

    Args:
        rows: int64 (windows,), the row that each is of.
        numbers: int64 (windows,), which window of its row it is.
        starts: int64 (windows,), the first piece of each, counted within its row.
        lengths: int64 (windows,), how many pieces each has.
        counts: int64 (rows,), how many windows each row has, one or more.
    """

    rows: tf.Tensor
    numbers: tf.Tensor
    starts: tf.Tensor
    lengths: tf.Tensor
    counts: tf.Tensor


def check_stride(room: int, stride: int) -> None:
    """Raises a ValueError unless windows of `room` pieces that share `stride` get on.

    >>> check_stride(10, 10)
    Traceback (most recent call last):
    ValueError: windows with room for 10 pieces ... stride=10...
    """
    if not 0 <= stride < room:
        raise ValueError(
            f"windows with room for {max(room, 0)} pieces beside the special tokens cannot share "
            f"stride={stride} of them: a stride is 0 or more, and less than that room. Lower "
            "stride or raise max_length."
        )


def lay_windows(lengths: tf.Tensor, room: tf.Tensor, stride: int) -> Windows:
    """Lays windows over rows, in a graph or eagerly.

    Each shares `stride` pieces with the one before; the last one ends where its row ends, and may
    be shorter. An empty row has one empty window.

    Args:
        lengths: int64 (rows,), pieces of each row.
        room: int64, most pieces of a window; one for all rows or (rows,). More than `stride`: see
            `check_stride`.
        stride: pieces that neighbours share.

    Example:

    >>> windows = lay_windows(tf.constant([7, 2], tf.int64), 4, stride=1)
    >>> windows.rows.numpy(), windows.starts.numpy(), windows.lengths.numpy()
    (array([0, 0, 1]), array([0, 3, 0]), array([4, 4, 2]))
    """
    lengths = tf.cast(lengths, tf.int64)
    room = tf.broadcast_to(tf.cast(room, tf.int64), tf.shape(lengths))
    counts = _last(lengths, room, stride) + 1
    rows = tf.repeat(tf.range(tf.size(lengths, tf.int64)), counts)
    before = tf.cumsum(counts, exclusive=True)
    numbers = tf.range(tf.size(rows, tf.int64)) - tf.gather(before, rows)
    own_room = tf.gather(room, rows)
    starts = numbers * (own_room - stride)
    return Windows(
        rows, numbers, starts, tf.minimum(own_room, tf.gather(lengths, rows) - starts), counts
    )


def deciding_windows(
    first: tf.Tensor, last: tf.Tensor, lengths: tf.Tensor, room: tf.Tensor, stride: int
) -> tf.Tensor:
    """Says in which window of its row each word stands most central.

    That is the one that holds all of it and has the largest min(pieces before it, pieces behind
    it); the earliest of equals.

    Args:
        first, last: int64 (words,), the pieces of each word within its row, half open.
        lengths: int64 (words,), pieces of the row of each.
        room: int64, most pieces of a window; one for all or (words,).
        stride: pieces that neighbours share.

    Returns:
        int64 (words,), the number of a window within the row; −1 for a word that none holds.
    """
    room = tf.cast(room, tf.int64)
    step = room - stride
    high = tf.minimum(first // step, _last(lengths, room, stride))
    low = tf.maximum(-((room - last) // step), 0)
    # What is before falls from window to window, what is behind grows, up to the last one, where
    # the row ends: the largest minimum is where they meet, or there.
    meeting = (first + last - room) // (2 * step)
    best, most = tf.fill(tf.shape(first), tf.constant(-1, tf.int64)), tf.zeros_like(first) - 1
    for number in (meeting, meeting + 1, high):
        number = tf.maximum(tf.minimum(number, high), low)
        start = number * step
        end = tf.minimum(start + room, lengths)
        context = tf.where(low <= high, tf.minimum(first - start, end - last), -1)
        best = tf.where(context > most, number, best)
        most = tf.maximum(most, context)
    return best


class WordPieces(NamedTuple):
    """Which pieces make a word.

    Args:
        word: int64 (pieces,), the number of each piece's word among those of all rows.
        first, last: int64 (words,), the pieces of each word among those of all rows, half open.
    """

    word: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


def word_pieces(words: tf.RaggedTensor) -> WordPieces:
    """Groups pieces by words, in a graph or eagerly.

    Args:
        words: int32 (rows, None), as in `Encoding.words`; a piece of no word is one by itself.
    """
    numbers = words.flat_values
    rows = words.value_rowids()
    begins = (numbers != _before(numbers)) | (rows != _before(rows)) | (numbers < 0)
    first = tf.where(begins)[:, 0]
    pieces = tf.size(numbers, tf.int64)
    word = tf.cumsum(tf.cast(begins, tf.int64)) - 1
    return WordPieces(word, first, tf.concat([first, pieces[None]], axis=0)[1:])


def deciding_pieces(
    words: tf.RaggedTensor, grouped: WordPieces, room: tf.Tensor, stride: int
) -> tf.Tensor:
    """Says in which window of its row each piece is decided: that of its word.

    Pieces of a word that no window holds are decided one by one.

    Args:
        words: as in `word_pieces`, which made `grouped`.
        grouped: the pieces of each word.
        room, stride: of the windows, one for all rows.

    Returns:
        int64 (pieces,), the number of a window within the row.
    """
    rows = words.value_rowids()
    row_start, length = words.row_starts(), words.row_lengths()
    row = tf.gather(rows, grouped.first)

    def decide(first: tf.Tensor, last: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        start = tf.gather(row_start, row)
        lengths = tf.gather(length, row)
        return deciding_windows(first - start, last - start, lengths, room, stride)

    of_word = tf.gather(decide(grouped.first, grouped.last, row), grouped.word)
    piece = tf.range(tf.size(rows, tf.int64))
    return tf.where(of_word < 0, decide(piece, piece + 1, rows), of_word)


def _last(lengths: tf.Tensor, room: tf.Tensor, stride: int) -> tf.Tensor:
    """The number of the last window of each row."""
    step = room - stride
    return (tf.maximum(lengths - room, 0) + step - 1) // step


def _before(values: tf.Tensor) -> tf.Tensor:
    """The value before each; before the first one, one that there is not."""
    return tf.concat([tf.constant([-2], values.dtype), values[:-1]], axis=0)

"""Spans of bytes as places: characters without the white space around them, and words."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

# Unicode's white space, and what SentencePiece's own normalisation makes a space, all frozen here.
BLANKS = [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x200E, 0x200F]
BLANKS += [0x2028, 0x2029, 0x202F, 0x205F, 0x2581, 0x3000, 0xFEFF]
WHITE = [*BLANKS, *range(0x1C, 0x20)]  # with what Python takes for white space, too


def places_of_spans(
    texts: tf.Tensor,
    row_splits: tf.Tensor,
    starts: tf.Tensor,
    ends: tf.Tensor,
    *,
    white: Sequence[int],
) -> dict[str, tf.Tensor]:
    """Says which characters, and which word, the pieces with these spans stand for.

    White space parts words and belongs to none. A piece loses what its span holds of it at either
    end; one that holds nothing else, or nothing at all, such as the space that a model puts in
    front of a text, stands for the first character behind. With no character behind, it stands
    for nothing, at the end of the last word (word -1 where there is none).

    Args:
        texts: strings (batch,).
        row_splits: int64 (batch + 1,), which pieces are of which text.
        starts, ends: int32 (pieces,), half open, in bytes.
        white: the code points of what is white space.

    Returns:
        `"starts"`, `"ends"`, `"words"`: int32 (pieces,).
    """
    codes, row, start, end = _in_characters(texts, row_splits, starts, ends)
    row_start = tf.cast(tf.gather(codes.row_starts(), row), tf.int32)
    row_end = tf.cast(tf.gather(codes.row_limits(), row), tf.int32)
    is_solid = ~_is_among(codes.flat_values, white)
    solid = tf.cast(tf.where(is_solid)[:, 0], tf.int32)
    begins = _begins_words(is_solid, solid, codes)
    words_before = tf.concat([[0], tf.cumsum(begins)], axis=0)
    first, last = tf.searchsorted(solid, start), tf.searchsorted(solid, end) - 1
    first_of_row = tf.searchsorted(solid, row_start)
    padded = tf.concat([[-1], solid, [tf.int32.max]], axis=0)  # solid[i] is padded[i + 1]
    begin = tf.gather(padded, first + 1)
    is_behind = begin >= row_end
    stop = tf.maximum(tf.gather(padded, last + 1), begin) + 1
    edge = tf.maximum(tf.gather(padded, first) + 1, row_start)
    word = tf.gather(words_before, tf.where(is_behind, first, first + 1))
    return {
        "starts": tf.where(is_behind, edge, begin) - row_start,
        "ends": tf.where(is_behind, edge, stop) - row_start,
        "words": word - 1 - tf.gather(words_before, first_of_row),
    }


def raw_places_of_spans(
    texts: tf.Tensor, row_splits: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Says which characters the pieces with these spans hold, white space too; all are word 0.

    A piece that holds nothing, such as the space that a model puts in front of a text, stands for
    the first character behind. Arguments and result: as those of `places_of_spans`.
    """
    codes, row, start, end = _in_characters(texts, row_splits, starts, ends)
    row_start = tf.cast(tf.gather(codes.row_starts(), row), tf.int32)
    row_end = tf.cast(tf.gather(codes.row_limits(), row), tf.int32)
    return {
        "starts": start - row_start,
        "ends": tf.minimum(tf.maximum(end, start + 1), row_end) - row_start,
        "words": tf.zeros_like(start),
    }


def counted_words(ids: tf.RaggedTensor, begins: Any) -> tf.RaggedTensor:
    """The number of each piece's word in its text, where some pieces begin words."""
    begin = tf.gather(begins, ids.flat_values)
    count = tf.cumsum(begin)
    firsts = tf.gather(tf.concat([count, [0]], axis=0), ids.row_starts())
    return ids.with_flat_values(count - tf.gather(firsts, ids.value_rowids()))


def _in_characters(
    texts: tf.Tensor, row_splits: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The characters of all texts, which text each piece is of, and its span among them."""
    codes, offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")
    # One long text: all of them one behind the other, in bytes and in characters.
    bytes_before = tf.cumsum(tf.cast(tf.strings.length(texts), tf.int64), exclusive=True)
    at = offsets.flat_values + tf.gather(bytes_before, codes.value_rowids())
    row = tf.repeat(tf.range(tf.size(texts, tf.int64)), row_splits[1:] - row_splits[:-1])
    base = tf.gather(bytes_before, row)
    start = tf.searchsorted(at, tf.cast(starts, tf.int64) + base, side="right") - 1
    end = tf.searchsorted(at, tf.cast(ends, tf.int64) + base)
    row_start = tf.cast(tf.gather(codes.row_starts(), row), tf.int32)
    row_end = tf.cast(tf.gather(codes.row_limits(), row), tf.int32)
    return codes, row, tf.clip_by_value(start, row_start, row_end), end


def _is_among(codes: tf.Tensor, known: Sequence[int]) -> tf.Tensor:
    return tf.reduce_any(codes[:, None] == tf.constant(known), axis=1)


def _begins_words(is_solid: tf.Tensor, solid: tf.Tensor, codes: tf.RaggedTensor) -> tf.Tensor:
    """For each character that is no white space, 1 where a word begins, else 0: int32."""
    goes_on = tf.concat([[False], is_solid], axis=0)[:-1]
    rows = codes.value_rowids()
    same_row = rows == tf.concat([[tf.constant(-1, rows.dtype)], rows], axis=0)[:-1]
    return tf.cast(~tf.gather(goes_on & same_row, solid), tf.int32)

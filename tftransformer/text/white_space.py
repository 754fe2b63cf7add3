"""Spans of texts without the white space at their ends."""

import numpy as np
import tensorflow as tf

# By code point, up to the last one that counts: what `str.isspace` says.
_IS_WHITE = np.array([chr(point).isspace() for point in range(0x3001)] + [False])


def is_white(points: tf.Tensor) -> tf.Tensor:
    """Says which code points, int32 of any shape, are white space."""
    return tf.gather(tf.constant(_IS_WHITE), tf.minimum(points, len(_IS_WHITE) - 1))


def without_white_ends(
    texts: tf.Tensor, rows: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves the ends of spans inward over white space, which pieces of bytes may hold.

    Args:
        texts: string tensor (batch,) of UTF-8.
        rows: int64 (spans,), the text of each span.
        starts: int32 (spans,), in characters.
        ends: int32 (spans,).

    Returns:
        starts and ends, int32 (spans,); of a span that is nothing but white space the end is not
        behind the start.
    """
    characters = tf.strings.unicode_decode(texts, "UTF-8")
    points = characters.flat_values
    kept = tf.where(~is_white(points))[:, 0]
    before = tf.gather(characters.row_starts(), rows)
    limit = tf.size(points, tf.int64)
    first = tf.searchsorted(kept, before + tf.cast(starts, tf.int64))
    last = tf.searchsorted(kept, before + tf.cast(ends, tf.int64))
    starts = tf.gather(tf.concat([kept, [limit]], axis=0), first) - before
    ends = tf.gather(tf.concat([[-1], kept], axis=0), last) + 1 - before
    return tf.cast(starts, tf.int32), tf.cast(ends, tf.int32)

"""Byte pair encoding whose time grows with the length of a word, not with its square."""

import tensorflow as tf

from tftransformer.text.merging import Merger, Symbols

# A multiple of what characters take in UTF-8, times a power of two: runs of one character, whose
# pieces double in length, are cut between these.
STRETCH = 192


class LongWords(tf.Module):
    """Merges words of any length: long ones in stretches, which are then joined.

    Two stretches, each merged by itself, are what the whole would be if the last piece of the one
    and the first piece of the other, merged together, stay as they are: no merge can cross the
    border before the two pieces are complete. Where they do not stay, the two stretches become one
    that is merged anew, until all borders hold.

    Args:
        merger: merges words.
    """

    def __init__(self, merger: Merger):
        super().__init__()
        self._merge = merger

    def __call__(self, ids: tf.Tensor, rows: tf.Tensor) -> Symbols:
        """Merges the symbols of words.

        Args:
            ids: int32 (symbols,).
            rows: int32 (symbols,), the number of the word of each, rising.
        """
        place = tf.range(tf.size(ids))
        begins = tf.concat([tf.ones_like(rows[:1], tf.bool), rows[1:] != rows[:-1]], axis=0)
        first = tf.gather(tf.where(begins)[:, 0], tf.cumsum(tf.cast(begins, tf.int32)) - 1)
        cuts = (place - tf.cast(first, tf.int32)) % STRETCH == 0
        merged = self._merge(ids, _numbers(cuts))
        pieces = tf.tensor_scatter_nd_update(
            tf.fill(tf.shape(ids), -1), merged.starts[:, None], merged.ids
        )

        def join(pieces: tf.Tensor, cuts: tf.Tensor, unsure: tf.Tensor) -> tuple[tf.Tensor, ...]:
            broken = self._broken(ids, pieces, tf.where(unsure)[:, 0])
            cuts = tf.tensor_scatter_nd_update(
                cuts, broken[:, None], tf.zeros_like(broken, tf.bool)
            )
            stretches = _numbers(cuts)
            is_new = tf.scatter_nd(
                tf.gather(stretches, broken)[:, None],
                tf.ones_like(broken, tf.int32),
                [tf.reduce_max(stretches) + 1],
            )
            is_new = tf.gather(is_new > 0, stretches)
            again = tf.where(is_new)[:, 0]
            made = self._merge(tf.gather(ids, again), tf.gather(stretches, again))
            pieces = tf.where(is_new, -1, pieces)
            pieces = tf.tensor_scatter_nd_update(
                pieces, tf.gather(again, made.starts)[:, None], made.ids
            )
            is_new_before = tf.concat([is_new[:1], is_new[:-1]], axis=0)
            return pieces, cuts, cuts & ~begins & (is_new | is_new_before)

        pieces, _, _ = tf.while_loop(
            lambda pieces, cuts, unsure: tf.reduce_any(unsure),
            join,
            (pieces, cuts, cuts & ~begins),
            parallel_iterations=1,
        )
        starts = tf.where(pieces >= 0)[:, 0]
        return Symbols(
            tf.gather(pieces, starts), tf.cast(starts, tf.int32), tf.gather(rows, starts)
        )

    def _broken(self, ids: tf.Tensor, pieces: tf.Tensor, borders: tf.Tensor) -> tf.Tensor:
        """Those of the borders whose two pieces become others when they are merged together."""
        starts = tf.where(pieces >= 0)[:, 0]
        which = tf.searchsorted(starts, borders)
        ends = tf.concat([starts[1:], tf.size(ids, tf.int64)[None]], axis=0)
        start = tf.gather(starts, which - 1)
        length = tf.gather(ends, which) - start
        before = tf.cumsum(length, exclusive=True)
        rows = tf.repeat(tf.range(tf.size(borders)), length)
        within = tf.range(tf.size(rows, tf.int64)) - tf.gather(before, rows)
        made = self._merge(tf.gather(ids, tf.gather(start, rows) + within), rows)
        count = tf.math.bincount(made.rows, minlength=tf.size(borders))
        # With two pieces, the last of them begins at the border or not.
        last = tf.math.segment_max(made.starts, made.rows)
        held = (count == 2) & (tf.cast(last, tf.int64) - before + start == borders)
        return tf.boolean_mask(borders, ~held)


def _numbers(begins: tf.Tensor) -> tf.Tensor:
    """Of each symbol the number of its stretch, when these begin where it is said."""
    return tf.cumsum(tf.cast(begins, tf.int32)) - 1

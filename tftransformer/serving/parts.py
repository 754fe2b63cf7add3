"""Decoding parts of a batch at the same time."""

from collections.abc import Callable

import tensorflow as tf

ROWS = (
    tf.TensorSpec([None, None], tf.int32, name="source_ids"),
    tf.TensorSpec([None], tf.int32, name="row_numbers"),
)


def in_parts(decode: Callable, parts: int, pad_id: int) -> Callable:
    """Returns a function that does what `decode` does, with parts of the rows side by side.

    Rows of similar length make a part, and each ends when its own rows have.

    Args:
        decode: maps `ROWS` to a structure of tensors with as many rows. TensorFlow runs its calls
            at the same time if it neither reads nor writes variables.
        parts: most parts; never more than there are rows.
        pad_id: fills the ends of the rows of `source_ids`.
    """

    def decode_parts(source_ids, row_numbers):
        rows = tf.shape(source_ids)[0]
        count = tf.minimum(rows, parts)
        lengths = tf.reduce_sum(tf.cast(source_ids != pad_id, tf.int32), axis=1)
        order = tf.argsort(lengths, stable=True)
        part = tf.function(decode, input_signature=ROWS).get_concrete_function()

        def body(i, arrays):
            own = order[i * rows // count : (i + 1) * rows // count]
            ids = tf.gather(source_ids, own)[:, : lengths[own[-1]]]
            found = part(ids, tf.gather(row_numbers, own))
            return i + 1, tf.nest.map_structure(lambda x, value: x.write(i, value), arrays, found)

        arrays = tf.nest.map_structure(
            lambda spec: tf.TensorArray(
                spec.dtype, count, infer_shape=False, element_shape=spec.shape
            ),
            part.structured_outputs,
        )
        _, arrays = tf.while_loop(
            lambda i, _: i < count, body, (0, arrays), parallel_iterations=parts
        )
        place = tf.math.invert_permutation(order)
        return tf.nest.map_structure(lambda x: tf.gather(x.concat(), place), arrays)

    return decode_parts

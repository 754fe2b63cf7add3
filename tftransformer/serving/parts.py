"""Parallel computation of parts of a batch."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf


def in_parts(
    compute: Callable, specs: Mapping[str, tf.TensorSpec], fills: Mapping[str, int], parts: int
) -> Callable:
    """Returns a function that does what `compute` does, with parts of the rows in parallel.

    Rows of similar length make a part, and each part ends as soon as its own rows do.

    Args:
        compute: maps rows, a dict of tensors, to a structure of tensors with as many rows.
            TensorFlow runs its calls in parallel if it neither reads nor writes variables.
        specs: the signature of the rows.
        fills: the id that pads each tensor of two axes; the first one says how long rows are.
        parts: largest number of parts; never more than there are rows.
    """
    first, pad_id = next(iter(fills.items()))

    def compute_parts(rows: Any) -> Any:
        number = tf.shape(rows[first])[0]
        count = tf.minimum(number, parts)
        lengths = tf.reduce_sum(tf.cast(rows[first] != pad_id, tf.int32), axis=1)
        order = tf.argsort(lengths, stable=True)
        traced = tf.function(compute, input_signature=[dict(specs)], autograph=False)
        part = traced.get_concrete_function()

        def body(i: Any, arrays: Any) -> Any:
            own = order[i * number // count : (i + 1) * number // count]
            taken = {name: tf.gather(x, own) for name, x in rows.items()}
            longest = lengths[own[-1]]
            found = part(
                {name: x[:, :longest] if name in fills else x for name, x in taken.items()}
            )
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

    return compute_parts

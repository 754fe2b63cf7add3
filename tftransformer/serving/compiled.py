"""Functions that XLA compiles when they are served."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf


def compiled(
    compute: Callable,
    specs: Mapping[str, tf.TensorSpec],
    fills: Mapping[str, int],
    max_length: int | None,
) -> Callable:
    """Returns a function that does what `compute` does, compiled as a whole by XLA.

    XLA compiles each shape separately, which takes seconds. So the length of the rows and their
    number are rounded up to powers of two. A batch is not divided.

    Args:
        compute: maps rows, a dict of tensors, to a structure of tensors with as many rows.
        specs: the signature of the rows.
        fills: the id that pads each tensor of two axes.
        max_length: number of positions of the model, or None.
    """
    inner = tf.function(compute, input_signature=[dict(specs)], jit_compile=True, autograph=False)

    def with_padding(rows: Any) -> Any:
        count, length = tf.unstack(tf.shape(rows[next(iter(fills))]))
        width = compiled_width(length, max_length)
        # Further rows repeat the last one, and end when it does; without any, one is padding.
        none = tf.cast(count == 0, tf.int32)
        taken = tf.minimum(tf.range(power_of_two(count, least=1)), tf.maximum(count - 1, 0))

        def padded(name: str, x: Any) -> Any:
            if name in fills:
                places = [[0, none], [0, width - length], *[[0, 0]] * (x.shape.rank - 2)]
                x = tf.pad(x, places, constant_values=fills[name])
            else:
                x = tf.pad(x, [[0, none]])
            return tf.gather(x, taken)

        found = inner({name: padded(name, x) for name, x in rows.items()})
        return tf.nest.map_structure(lambda x: x[:count], found)

    return with_padding


def compiled_width(length: Any, max_length: int | None) -> tf.Tensor:
    """The width that rows of this length are padded to: few widths mean few compilations."""
    width = power_of_two(length, least=16)
    if max_length is None:
        return width
    # The model may know no further positions.
    return tf.maximum(length, tf.minimum(width, max_length))


def power_of_two(number: tf.Tensor, least: int) -> tf.Tensor:
    """The smallest power of two that is neither smaller than `number` nor than `least`."""
    bits = tf.range(31)
    powers = tf.bitwise.left_shift(tf.ones_like(bits), bits)
    return tf.reduce_min(tf.boolean_mask(powers, powers >= tf.maximum(number, least)))

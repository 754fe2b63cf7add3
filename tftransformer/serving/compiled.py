"""SavedModels that are compiled where they are served."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tftransformer.serving.parts import ROWS
from tftransformer.serving.translation_module import TranslationModule


class CompiledTranslationModule(TranslationModule):
    """A `TranslationModule` whose encoder and loop of decoding XLA compiles as one.

    XLA compiles anew for each shape, for seconds. So the length of the sources and the number of
    texts are rounded up to powers of two, which changes no translation. A batch stays whole.

    Args:
        model: as in `TranslationModule`, like all that follows.
    """

    grows = False  # XLA wants shapes that stay

    def _decoder(self, search: Callable, model: Any) -> Callable:
        compiled = tf.function(search, input_signature=ROWS, jit_compile=True)
        pad_id = self.source_tokenizer.special_ids["pad"]

        def with_padding(source_ids, row_numbers):
            rows, length = tf.unstack(tf.shape(source_ids))
            width = power_of_two(length, least=16)
            if self.max_source_length is not None:  # the model may know no further positions
                width = tf.maximum(length, tf.minimum(width, self.max_source_length))
            # Further rows repeat the last one, and end when it does; without any, one is padding.
            none = tf.cast(rows == 0, tf.int32)
            ids = tf.pad(source_ids, [[0, none], [0, width - length]], constant_values=pad_id)
            last = tf.maximum(rows - 1, 0)
            taken = tf.minimum(tf.range(power_of_two(rows, least=1)), last)
            numbers = tf.pad(row_numbers, [[0, 1]])
            decoded = compiled(tf.gather(ids, taken), tf.gather(numbers, taken))
            return tf.nest.map_structure(lambda x: x[:rows], decoded)

        return with_padding


def power_of_two(number: tf.Tensor, least: int) -> tf.Tensor:
    """The smallest power of two that is neither smaller than `number` nor than `least`."""
    bits = tf.range(31)
    powers = tf.bitwise.left_shift(tf.ones_like(bits), bits)
    return tf.reduce_min(tf.boolean_mask(powers, powers >= tf.maximum(number, least)))

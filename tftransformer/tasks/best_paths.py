"""The best of all paths through states, step by step (Viterbi 1967), in a graph."""

from collections.abc import Callable

import tensorflow as tf

# Stands for minus infinity, so that sums of several stay numbers.
IMPOSSIBLE = -1e9


def best_paths(
    through: Callable[[tf.Tensor], tf.Tensor], there: tf.Tensor, start: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds for each row the states whose scores have the highest sum.

    Args:
        through: from the number of a step to what it scores to go from one state to another,
            float32 (rows, states, states), or 1 in the place of rows.
        there: which steps a row has, the first ones, bool (steps, rows); one step at least.
        start: what it scores to begin in a state, float32 (rows, states).

    Returns:
        int32 (rows, steps), the states behind each step, the last one where a row has no step any
        more; and float32 (rows,), the sums.
    """
    steps, count = tf.shape(there)[0], start.shape[1]
    stay = tf.broadcast_to(tf.range(count), tf.shape(start))

    def forward(step: tf.Tensor, score: tf.Tensor, came: tf.TensorArray) -> tuple:
        both = score[:, :, None] + through(step)
        goes_on = there[step][:, None]
        best = tf.argmax(both, axis=1, output_type=tf.int32)
        came = came.write(step, tf.where(goes_on, best, stay))
        return step + 1, tf.where(goes_on, tf.reduce_max(both, axis=1), score), came

    def backward(step: tf.Tensor, state: tf.Tensor, found: tf.TensorArray) -> tuple:
        found = found.write(step - 1, state)
        return step - 1, tf.gather(came[step - 1], state, batch_dims=1), found

    came = tf.TensorArray(tf.int32, size=steps, element_shape=[None, count])
    begin = tf.constant(0), start, came
    _, score, came = tf.while_loop(lambda step, *_: step < steps, forward, begin)
    came = came.stack()
    found = tf.TensorArray(tf.int32, size=steps, element_shape=[None])
    begin = steps, tf.argmax(score, axis=1, output_type=tf.int32), found
    *_, found = tf.while_loop(lambda step, *_: step > 0, backward, begin)
    return tf.transpose(found.stack()), tf.reduce_max(score, axis=1)


def by_step(values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Values (words, n) as (steps, texts, n), with a step more than there are, so that one is."""
    rows = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False).to_tensor()
    return tf.pad(tf.transpose(rows, [1, 0, 2]), [[0, 1], [0, 0], [0, 0]])

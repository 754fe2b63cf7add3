"""A step for which the device has no room is told in words, and the run goes on behind it."""

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training import Checkpointing, TrainStep


class Hungry(TrainStep):
    """Needs terabytes, if it is told so."""

    def __init__(self, size):
        self._size = tf.Variable(size, dtype="int64")  # no setting: private names are none

    def __call__(self, run, inputs, labels, weights):
        too_much = tf.reduce_sum(tf.random.stateless_uniform([self._size, self._size], [0, 0]))
        return run.score(labels, run.forward(inputs), weights) * (1.0 + tf.minimum(too_much, 0.0))


@pytest.mark.slow
def test_it_says_what_to_change_and_what_was_saved_is_whole(tiny, tmp_path):
    options = {"epochs": 2, "checkpointing": Checkpointing(every_steps=1, every_seconds=None)}
    step = Hungry(1)
    whole = tiny.make(step=step, **options)
    whole.train()

    def fill(update, logs):
        if update == 2:
            step._size.assign(1 << 22)

    full = tiny.keras.callbacks.LambdaCallback(on_train_batch_end=fill)
    trainer = tiny.make(step=step, directory=tmp_path, callbacks=[full], **options)
    with pytest.raises(MemoryError, match=r"batch of \d+ × \d+\. Take fewer tokens.*batch_tokens"):
        trainer.train()
    step._size.assign(1)
    resumed = tiny.make(step=step, directory=tmp_path, resume=True, **options)
    resumed.train()
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

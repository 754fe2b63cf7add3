"""The three steps of ULMFiT, on the embedded corpus."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.training import recipes


def rows():
    texts = list(tt.everyday_corpus(size=1200).train["en"])
    words = sorted({word for text in texts for word in text.split()})
    number = {word: index + 1 for index, word in enumerate(words)}
    ids = np.zeros((len(texts), 12), "int32")
    for row, text in zip(ids, texts, strict=True):
        known = [number[word] for word in text.split()[:12]]
        row[: len(known)] = known
    return ids, len(words) + 1


def batches(inputs, labels, weights, rows=40):
    data = tf.data.Dataset.from_tensor_slices((inputs, labels, weights.astype("float32")))
    return data.batch(rows)


@pytest.mark.slow
def test_each_step_learns_and_the_whole_is_resumed(tmp_path):
    ids, vocab_size = rows()
    half = len(ids) // 2
    text = [
        batches(part[:, :-1], part[:, 1:], part[:, 1:] > 0) for part in (ids[:half], ids[half:])
    ]
    counts = (ids > 0).sum(1)
    long = (counts > np.median(counts)).astype("int32")
    labelled = batches(ids[half:], long[half:], np.ones(len(long) - half))

    def run(**options):
        keras.utils.set_random_seed(0)
        model = tt.Gpt2(
            vocab_size,
            1,
            16,
            2,
            num_positions=12,
            pad_id=0,
            heads=["lm", "sequence_classification"],
        )
        histories = recipes.ulmfit(
            model,
            *text,
            labelled,
            epochs=(4, 3, 4),
            peaks=(1e-2, 1e-2, 1e-2),
            precision="float32",
            verbose=0,
            **options,
        )
        return model, histories

    model, (general, domain, labels) = run(directory=tmp_path)
    for history in (general, domain, labels):
        assert history["loss"][-1] < history["loss"][0]
    assert domain["loss"][0] < general["loss"][0] - 0.5
    assert labels["accuracy"][-1] > 0.6
    again, _ = run(directory=tmp_path, resume=True)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_accumulated_updates_are_those_of_the_rate_and_callbacks_are_called_in_each_step():
    class Look(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            optimizer = self.model.optimizer
            seen.append((int(optimizer.iterations), optimizer._learning_rate.total_steps))

    seen = []
    ids = np.arange(1, 25, dtype="int32").reshape(6, 4)
    text = batches(ids, ids, np.ones(ids.shape), rows=2)
    labelled = batches(ids, np.arange(6) % 2, np.ones(6), rows=2)
    heads = ["lm", "sequence_classification"]
    model = tt.Gpt2(25, 1, 8, 2, num_positions=8, heads=heads)
    options = {"gradient_accumulation": 2, "callbacks": Look(), "verbose": 0}
    recipes.ulmfit(model, text, text, labelled, epochs=(1, 1, 2), **options)
    assert seen == [(2, 2), (2, 2), (4, 4)]

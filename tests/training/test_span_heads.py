"""Span heads in training: the classes of a row are its places."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer import Bert
from tftransformer.training import LabelSmoothedCrossEntropy, Trainer


def train(model, batches, validation, **options):
    trainer = Trainer(model, batches, validation, precision="float32", verbose=0, **options)
    return trainer.train().history


class Span(keras.Model):
    """Scores each place of a text as the begin of an answer: the classes are the places."""

    def __init__(self):
        super().__init__()
        self.table = keras.layers.Embedding(12, 8)
        self.score = keras.layers.Dense(1)

    def call(self, ids, training=None):
        return self.score(self.table(ids))[..., 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [LabelSmoothedCrossEntropy(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)],
    ids=["smoothed", "keras"],
)
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_span_head_of_open_length_learns(loss, jit_compile):
    """The answer begins at the token 3, in batches of different lengths."""
    chance = np.random.default_rng(0)

    def batches():
        for length in (5, 9, 6, 11):
            ids = chance.integers(4, 12, (8, length)).astype("int32")
            begins = chance.integers(0, length, 8).astype("int32")
            ids[np.arange(8), begins] = 3
            yield ids, begins, np.ones(8, "float32")

    kept = list(batches())
    signature = (
        tf.TensorSpec((None, None), "int32"),
        tf.TensorSpec((None,), "int32"),
        tf.TensorSpec((None,), "float32"),
    )
    data = tf.data.Dataset.from_generator(lambda: kept, output_signature=signature)
    keras.utils.set_random_seed(0)
    optimizer = keras.optimizers.Adam(0.1)
    options = {"optimizer": optimizer, "epochs": 12, "jit_compile": jit_compile}
    longer = tf.data.Dataset.from_generator(lambda: kept[::-1], output_signature=signature)
    logs = train(Span(), data, longer, loss=loss, **options)
    assert logs["val_accuracy"][-1] == 1.0
    assert set(logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.slow
def test_the_span_head_of_a_model_learns_where_an_answer_begins_and_ends():
    """Its two softmaxes are over the places, so the labels of a row are two places."""
    chance = np.random.default_rng(0)
    kept = []
    for length in (6, 10, 8):
        ids = chance.integers(5, 12, (16, length)).astype("int32")
        begins = chance.integers(1, length - 1, 16)
        ends = np.minimum(begins + 1, length - 1)
        ids[np.arange(16), begins], ids[np.arange(16), ends] = 3, 4
        weights = np.ones((16, 2), "float32")
        labels = np.stack([begins, ends], 1).astype("int32")
        labels[0], weights[0] = -100, 0.0
        kept.append((ids, labels, weights))
    pair = tf.TensorSpec((None, 2), "int32")
    signature = tf.TensorSpec((None, None), "int32"), pair, tf.TensorSpec((None, 2), "float32")
    data = tf.data.Dataset.from_generator(lambda: kept, output_signature=signature)
    keras.utils.set_random_seed(0)
    bert = Bert(vocab_size=12, num_layers=1, d_model=16, num_heads=2, dff=32, heads=["span"])
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, keras.layers.Permute((2, 1))(bert(ids)["span"]))
    options = {"optimizer": keras.optimizers.Adam(0.02), "epochs": 25}
    logs = train(model, data, data, **options)
    assert logs["val_accuracy"][-1] > 0.95

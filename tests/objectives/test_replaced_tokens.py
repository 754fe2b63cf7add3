"""Replaced tokens: a plain loop, what flows where, and a pair of models that learns."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.objectives.test_masks_choices_and_contrast import PIECES
from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.models import Bert, ReplacedTokenModel
from tftransformer.objectives import ReplacedTokens
from tftransformer.text import Template, WordPieceTokenizer
from tftransformer.training import Trainer


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(2)
    ids = [random.integers(5, len(PIECES), random.integers(5, 30)).tolist() for _ in range(20)]
    objective, tokenizer = ReplacedTokens(), WordPieceTokenizer(PIECES)
    made = objective.examples([Ragged.from_rows(ids)], [tokenizer], Template.bert())
    widths = made.lengths.max(axis=0).tolist()
    plain = made._examples.inputs["token_ids"].batch(np.arange(20), {"tokens": widths[0]})
    return (*made.of_epoch(3, 7).batch(np.arange(20), widths), plain)


SIZE = len(PIECES)


def make_model(vocab_size=SIZE, width=8, **options):
    keras.utils.set_random_seed(0)
    sizes = {"vocab_size": vocab_size, "num_layers": 1, "num_heads": 2, "num_positions": 64}
    return ReplacedTokenModel(
        Bert(**sizes, d_model=width, dff=16, heads=["masked_lm"], **options),
        Bert(**sizes, d_model=2 * width, dff=32, heads={"token_classification": {"labels": 1}},
             **options),
    )  # fmt: skip


def test_all_chosen_tokens_are_masks_and_what_stood_there_comes_along(batch):
    inputs, labels, weights, plain = batch
    real = weights["masked_lm"] > 0
    hidden = np.take_along_axis(inputs["token_ids"], inputs["mask_positions"], axis=1)
    assert (hidden[real] == PIECES.index("[MASK]")).all()
    truth = np.take_along_axis(plain, inputs["mask_positions"], axis=1)
    np.testing.assert_array_equal(inputs["masked_ids"], np.where(real, truth, -1))
    assert inputs["masked_ids"].dtype == np.int32
    np.testing.assert_array_equal(weights["replaced"], inputs["padding_mask"])
    assert (labels["replaced"] == 1).all()


@pytest.mark.slow
def test_outputs_equal_a_plain_loop(batch):
    inputs, _, _, plain = batch
    model = make_model()
    outputs = model(inputs)
    given = {name: value for name, value in inputs.items() if name != "masked_ids"}
    logits = model.generator(given)["masked_lm"].numpy()
    np.testing.assert_allclose(outputs["masked_lm"], logits, atol=1e-5)
    noise = keras.random.uniform(logits.shape, 1e-7, 1.0, dtype="float32", seed=0).numpy()
    drawn = np.argmax(logits - np.log(-np.log(noise)), axis=-1)
    seen, sign = plain.copy(), -np.ones(plain.shape)
    for row, (places, known) in enumerate(
        zip(inputs["mask_positions"], inputs["masked_ids"], strict=True)
    ):
        for number, place in enumerate(places):
            if known[number] >= 0:
                seen[row, place] = drawn[row, number]
                sign[row, place] = 1 if drawn[row, number] != known[number] else -1
    assert (sign == 1).any()
    np.testing.assert_array_equal(sign == 1, seen != plain)  # a lucky guess is no replacement
    del given["mask_positions"]
    found = model.discriminator({**given, "token_ids": seen})["token_classification"].numpy()
    np.testing.assert_allclose(outputs["replaced"], found * sign[..., None], atol=1e-5)


def test_no_gradient_of_the_discriminator_reaches_the_generator(batch):
    inputs = batch[0]
    model = make_model()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs, training=True)["replaced"] ** 2)
    gradients = tape.gradient(loss, [v.value for v in model.generator.trainable_variables])
    assert all(gradient is None for gradient in gradients)


def test_each_step_draws_anew_from_the_generators_distribution():
    model = make_model(dropout=0.0, attention_dropout=0.0)
    logits = np.log(np.array([[[0.5, 0.25, 0.15, 0.1]]], "float32")).repeat(4000, axis=1)
    drawn = np.concatenate([np.array(model._drawn(logits, True))[0] for _ in range(2)])
    np.testing.assert_allclose(np.bincount(drawn) / 8000, [0.5, 0.25, 0.15, 0.1], atol=0.02)
    assert (drawn[:4000] != drawn[4000:]).any()
    alike = [np.array(model._drawn(logits, False)) for _ in range(2)]
    np.testing.assert_array_equal(*alike)  # an evaluation says the same twice


@pytest.mark.slow
def test_settings_come_back_and_heads_that_are_not_there_are_named(batch, tmp_path):
    objective = ReplacedTokens(0.2, 10.0, spans=True)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert loaded.get_config() == objective.get_config()
    assert loaded.loss_weights == {"masked_lm": 1.0, "replaced": 10.0}
    model = make_model()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(batch[0])["replaced"], model(batch[0])["replaced"], atol=1e-6)
    with pytest.raises(ValueError, match="Bert has no head 'masked_lm'"):
        ReplacedTokenModel(model.discriminator, model.discriminator)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["Trainer", "fit"])
def test_a_small_pair_learns(way):
    random = np.random.default_rng(0)
    words = random.choice([f"w{letter}" for letter in "abcdefghijkl"], 1500)
    frame = pd.DataFrame({"text": [" ".join([word] * 16) for word in words]})
    objective = ReplacedTokens(0.2, factor=5.0)
    data = DataProcess("text", objective=objective, tokenizer="wordpiece", vocab_size=36,
                       batch_tokens=512)  # fmt: skip
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)
    model = make_model(data.tokenizers[0].vocab_size, 16, dropout=0.0)
    adam = keras.optimizers.Adam(5e-3)
    if way == "Trainer":
        trainer = Trainer(model, train, validation, optimizer=adam, epochs=4, verbose=0)
        logs = {name.removeprefix("val_"): x[-1] for name, x in trainer.train().history.items()}
    else:
        model.compile(adam, loss=objective.losses(), weighted_metrics=objective.metrics(),
                      loss_weights=objective.loss_weights)  # fmt: skip
        model.fit(train.dataset(), epochs=4, shuffle=False, verbose=0)
        logs = model.evaluate(validation.dataset(), verbose=0, return_dict=True)
    assert logs["masked_lm_accuracy"] > 0.4
    assert logs["replaced_accuracy"] > 0.93

"""Prefix language models: a plain loop, who sees whom, and a model that learns."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.masks import CausalMask, PaddingMask, PrefixMask
from tftransformer.models import Gpt2
from tftransformer.objectives import PrefixLM
from tftransformer.objectives.drawing import uniform
from tftransformer.training import Trainer

TOKENIZER = SimpleNamespace(special_ids={"pad": 9, "start": 1, "end": 2})
ROWS = st.lists(st.lists(st.integers(10, 49), min_size=2, max_size=30), min_size=1, max_size=6)
MASK = (CausalMask() | PrefixMask()) & PaddingMask()


def examples(rows, seed=0, epoch=0):
    made = PrefixLM().examples([Ragged.from_rows(rows)], [TOKENIZER])
    return made.of_epoch(seed, epoch)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_each_row_equals_a_plain_loop(rows, seed, epoch):
    made = examples(rows, seed, epoch)
    order = np.array([*range(len(rows)), -1])[::-1]
    inputs, labels, weights = made.batch(order, made.lengths.max(axis=0).tolist())
    assert inputs["prefix_lengths"].dtype == inputs["token_ids"].dtype == np.int32
    assert inputs["prefix_lengths"][0] == 0
    assert not weights["lm"][0].any()
    for place, row in enumerate(order[1:], 1):
        tokens, n = rows[row], len(rows[row]) - 1
        prefix = 1 + int(uniform((seed, epoch), np.array([row]), 1)[0, 0] * n)
        assert inputs["token_ids"][place, :n].tolist() == tokens[:-1]
        assert inputs["prefix_lengths"][place] == prefix
        predicted = {i: labels["lm"][place, i] for i in np.flatnonzero(weights["lm"][place])}
        assert predicted == {i - 1: tokens[i] for i in range(prefix, len(tokens))}


def test_each_length_of_a_prefix_is_as_likely_and_of_seed_epoch_and_row_alone():
    made = examples([list(range(10, 15))] * 4000, 3, 7)

    def prefixes(examples, rows):
        return examples.batch(np.asarray(rows), (4,))[0]["prefix_lengths"]

    found = prefixes(made, range(4000))
    np.testing.assert_allclose(np.bincount(found)[1:] / 4000, 1 / 4, atol=0.03)
    np.testing.assert_array_equal(prefixes(made, range(99, -1, -1)), found[:100][::-1])
    np.testing.assert_array_equal(prefixes(made.take(np.arange(5, 9)), range(4)), found[5:9])
    for other in ((3, 8), (4, 7)):
        assert (prefixes(made.of_epoch(*other), range(4000)) != found).any()


@pytest.mark.slow
def test_what_is_predicted_is_not_seen_and_the_prefix_sees_itself():
    keras.utils.set_random_seed(0)
    model = Gpt2(50, 2, 16, 2, num_positions=20, mask=MASK)
    inputs, _, weights = examples([list(range(10, 19))], 3).batch(np.array([0]), (8,))
    prefix = int(inputs["prefix_lengths"][0])
    assert 1 < prefix < 8
    before = model(inputs)["lm"].numpy()[0]
    for place in range(8):
        ids = inputs["token_ids"].copy()
        ids[0, place] = 40
        moved = np.abs(model({**inputs, "token_ids": ids})["lm"].numpy()[0] - before).max(1) > 0
        sees = (np.arange(8) >= place) | (place < prefix)
        np.testing.assert_array_equal(moved, sees)
    # The label of a place is the token behind it: no weight where that one is seen.
    assert np.flatnonzero(weights["lm"][0]).tolist() == list(range(prefix - 1, 8))


@pytest.mark.slow
def test_a_small_model_learns_by_trainer_and_by_fit():
    random = np.random.default_rng(0)
    words = [f"w{letter}" for letter in "abcdefghijkl"]
    frame = pd.DataFrame({"text": [" ".join([word] * 12) for word in random.choice(words, 2000)]})
    objective = PrefixLM(output=None)
    data = DataProcess("text", objective=objective, vocab_size=290, batch_tokens=256)
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)

    def model():
        keras.utils.set_random_seed(1)
        return Gpt2(data.tokenizers[0].vocab_size, 1, 32, 2, num_positions=64, mask=MASK).only("lm")

    made = model()
    trainer = Trainer(made, train, validation, optimizer=keras.optimizers.Adam(5e-3), epochs=1,
                      verbose=0)  # fmt: skip
    assert trainer.train().history["val_loss"][-1] < 0.2
    made = model()
    made.compile(keras.optimizers.Adam(5e-3), loss=objective.losses(),
                 weighted_metrics=objective.metrics())  # fmt: skip
    made.fit(train.dataset(), epochs=1, shuffle=False, verbose=0)
    assert made.evaluate(validation.dataset(), verbose=0, return_dict=True)["loss"] < 0.2

"""Permutation: a plain loop, who sees whom in an XLNet, and a model that learns."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged
from tftransformer.data import DataProcess, Streams
from tftransformer.models import XLNet
from tftransformer.objectives import Permutation
from tftransformer.objectives.drawing import uniform
from tftransformer.training import Trainer
from tftransformer.training.hooks import CarriedMemory

TOKENIZER = SimpleNamespace(special_ids={"pad": 9}, vocab_size=50)
ROWS = st.lists(st.lists(st.integers(10, 49), min_size=1, max_size=60), min_size=1, max_size=5)


def examples(rows, seed=0, epoch=0, **options):
    made = Permutation(**options).examples([Ragged.from_rows(rows)], [TOKENIZER])
    return made.of_epoch(seed, epoch)


def whole(made, rows):
    return made.batch(np.asarray(rows), made.lengths.max(axis=0).tolist())


def reference(n, draw, row, longest=5, every=6):
    """The targets of a row of n tokens, in the order in which they are predicted."""
    sizes, places = (uniform(draw, np.array([row]), n, i)[0] for i in (0, 1))
    targets, begin, number = [], 0, 0
    while begin < n:
        size = 1 + int(sizes[number] * longest)
        first = begin + int(places[number] * (size * every - size + 1))
        targets += range(first, min(first + size, n))
        begin += size * every
        number += 1
    if not targets:
        targets = [int(uniform(draw, np.array([row]), 1, 2)[0, 0] * n)]
    order = uniform(draw, np.array([row]), n, 3)[0]
    return sorted(targets, key=lambda place: order[place])


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 2**32 - 1), st.integers(0, 1000),
       st.sampled_from([{}, {"longest": 1, "every": 2}, {"longest": 3, "every": 1}]))  # fmt: skip
def test_each_row_equals_a_plain_loop(rows, seed, epoch, options):
    made = examples(rows, seed, epoch, **options)
    order = np.array([*range(len(rows)), -1])[::-1]
    inputs, labels, weights = whole(made, order)
    assert not inputs["target_mapping"][0].any()
    assert not weights["lm"][0].any()
    for place, row in enumerate(order[1:], 1):
        tokens = rows[row]
        targets = reference(len(tokens), (seed, epoch), row, **options)
        ranks = [targets.index(i) if i in targets else -1 for i in range(len(tokens))]
        assert inputs["token_ids"][place, : len(tokens)].tolist() == tokens
        assert inputs["permutation"][place, : len(tokens)].tolist() == ranks
        real = weights["lm"][place] > 0
        assert real.sum() == len(targets) <= made.lengths[row, 0]
        assert labels["lm"][place, real].tolist() == [tokens[i] for i in sorted(targets)]
        mapping = inputs["target_mapping"][place]
        assert np.argwhere(mapping).tolist() == [[k, i] for k, i in enumerate(sorted(targets))]


def test_one_token_of_six_is_a_target_and_a_draw_is_of_seed_epoch_and_row_alone():
    rows = [list(range(10, 50)) * 3] * 300
    made = examples(rows, 3, 7)
    inputs, _, weights = whole(made, range(300))
    assert abs(weights["lm"].sum() / 36_000 - 1 / 6) < 0.01
    turned = whole(examples(rows, 3, 7), range(99, -1, -1))[0]["permutation"]
    np.testing.assert_array_equal(turned[::-1], inputs["permutation"][:100])
    taken = examples(rows).take(np.arange(5, 9)).of_epoch(3, 7)
    found = whole(taken, range(4))[0]["permutation"]
    np.testing.assert_array_equal(found, inputs["permutation"][5:9])
    for other in ((3, 8), (4, 7)):
        changed = whole(made.of_epoch(*other), range(300))[0]["permutation"]
        assert (changed != inputs["permutation"]).any()


def test_a_target_sees_what_is_no_target_and_the_targets_before_it():
    keras.utils.set_random_seed(0)
    model = XLNet(50, 2, 16, 2, 32, pad_id=9)
    inputs, _, weights = whole(examples([list(range(10, 22))], 4, every=2), [0])
    inputs = {name: np.repeat(value, 13, axis=0) for name, value in inputs.items()}
    changed = inputs["token_ids"]
    changed[np.arange(12), np.arange(12)] = 40  # one token in each row; the last row is whole
    logits = model(inputs)["lm"].numpy()[:, weights["lm"][0] > 0]
    moved = np.abs(logits[:12] - logits[12]).max(axis=-1) > 1e-6
    ranks = inputs["permutation"][0]
    targets = np.flatnonzero(ranks >= 0)
    assert 2 < len(targets) < 12
    np.testing.assert_array_equal(moved, ranks[:, None] < ranks[targets])


def test_documents_are_cut_one_row_behind_the_other():
    documents = Ragged.from_rows([[1, 2, 3, 4, 5], [], [6], [7, 8, 9, 10]])
    (blocks,) = Permutation().blocks(documents, TOKENIZER, 2)
    assert blocks.tolist() == [[1, 2], [3, 4], [5], [6], [7, 8], [9, 10]]
    ended = SimpleNamespace(special_ids={"pad": 9, "end": 0})
    (blocks,) = Permutation(documents="streams").blocks(documents, ended, 5)
    assert blocks.tolist() == [[1, 2, 3, 4, 5], [0, 6, 0, 7, 8], [9, 10, 0]]
    with pytest.raises(ValueError, match="documents"):
        Permutation(documents="packed")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["Trainer", "Trainer with memory", "fit"])
def test_a_small_xlnet_learns(way):
    random = np.random.default_rng(0)
    words = random.choice([f"w{letter}" for letter in "abcdefghijkl"], 1500)
    frame = pd.DataFrame({"text": [" ".join([word] * 12) for word in words]})
    output = None if way == "fit" else "lm"
    streams = "memory" in way
    objective = Permutation(output=output, documents="streams" if streams else "apart")
    data = DataProcess("text", objective=objective, vocab_size=290, batch_tokens=512, max_length=64)
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)
    keras.utils.set_random_seed(1)
    model = XLNet(290, 1, 32, 2, 64, pad_id=data.tokenizers[0].special_ids["pad"], dropout=0.0,
                  memory_length=4)  # fmt: skip
    adam = keras.optimizers.Adam(5e-3)
    if way == "fit":
        model = model.only("lm")
        model.compile(adam, loss=objective.losses(), weighted_metrics=objective.metrics())
        model.fit(train.dataset(), epochs=3, shuffle=False, verbose=0)
        loss = model.evaluate(validation.dataset(), verbose=0)[0]
    else:
        assert isinstance(train, Streams) == streams
        options = {"epochs": 5, "carry": CarriedMemory()} if streams else {"epochs": 3}
        trainer = Trainer(model, train, validation, optimizer=adam, verbose=0, **options)
        loss = trainer.train().history["val_loss"][-1]
    assert loss < 1.2  # log 12 = 2.5 of a word that is not read

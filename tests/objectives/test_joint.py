"""Joint objectives, next sentences and their order: plain loops, and models that learn both."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.objectives.test_denoising import joined, pieces_of
from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.models import Bert
from tftransformer.objectives import (
    Classes,
    Entities,
    Joint,
    MaskedTokens,
    NextSentence,
    NextToken,
    Numbers,
    SentenceOrder,
)
from tftransformer.objectives.drawing import uniform
from tftransformer.text import Template
from tftransformer.training import Trainer

CLS, SEP, MASK, SIZE = 2, 3, 4, 50
TOKENIZER = SimpleNamespace(
    special_ids={"pad": 0, "unk": 1, "cls": CLS, "sep": SEP, "mask": MASK}, vocab_size=SIZE
)
SENTENCE = st.lists(st.integers(5, SIZE - 1), min_size=1, max_size=6)
TEXTS = st.lists(st.lists(SENTENCE, min_size=1, max_size=4), min_size=2, max_size=5).filter(
    lambda texts: sum(len(joined(text)) > 1 for text in texts) > 1
)


def drawn(objective, texts, seed=0, epoch=0):
    made = objective.examples([pieces_of(texts)], [TOKENIZER], Template.bert())
    return made.of_epoch(seed, epoch)


def cut_of(text, draw, row):
    """Where a text is cut: before one of its sentences, or anywhere."""
    tokens = joined(text)
    begins = np.cumsum([len(sentence) for sentence in text])[:-1].tolist()
    places = begins or list(range(1, len(tokens)))
    numbers = uniform(draw, np.array([row]), max(len(tokens), 1), 0)[0]
    return max(places, key=lambda place: numbers[place - 1], default=len(tokens))


def next_sentence(texts, draw, row):
    tokens, cut = joined(texts[row]), cut_of(texts[row], draw, row)
    first, second = tokens[:cut], tokens[cut:]
    toss, which = uniform(draw, np.array([row]), 2, 1)[0]
    if toss >= 0.5:
        return first, second, 0
    others = [i for i, text in enumerate(texts) if i != row and len(joined(text)) > 1]
    other = others[int(which * len(others))]
    return first, joined(texts[other])[cut_of(texts[other], draw, other) :][: len(second)], 1


def sentence_order(texts, draw, row):
    tokens, cut = joined(texts[row]), cut_of(texts[row], draw, row)
    if uniform(draw, np.array([row]), 1, 1)[0, 0] < 0.5 and len(tokens) > 1:
        return tokens[cut:], tokens[:cut], 1
    return tokens[:cut], tokens[cut:], 0


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(0, 2**32 - 1), st.integers(0, 1000),
       st.sampled_from([(NextSentence, next_sentence),
                        (SentenceOrder, sentence_order)]))  # fmt: skip
def test_each_pair_equals_a_plain_loop(texts, seed, epoch, case):
    kind, reference = case
    made = drawn(kind(), texts, seed, epoch)
    order = np.array([-1, *range(len(texts))])
    inputs, labels, weights = made.batch(order, made.lengths.max(axis=0).tolist())
    assert not weights["next_sentence"][0]
    assert not inputs["padding_mask"][0].any()
    for place, row in enumerate(order[1:], 1):
        first, second, label = reference(texts, (seed, epoch), row)
        real = inputs["padding_mask"][place]
        assert real.sum() <= made.lengths[row, 0]
        assert inputs["token_ids"][place, real].tolist() == [CLS, *first, SEP, *second, SEP]
        segments = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        assert inputs["segment_ids"][place, real].tolist() == segments
        assert labels["next_sentence"][place] == label
        assert weights["next_sentence"][place] == (len(joined(texts[row])) > 1)


@pytest.mark.slow
def test_second_stretches_are_of_other_texts_half_the_time_and_of_each_as_often():
    texts = [[[10 + i] * 3, [10 + i] * 3] for i in range(4)]
    found, labels = [], []
    for epoch in range(500):
        inputs, label, _ = drawn(NextSentence(), texts, epoch=epoch).batch(np.arange(4), (9,))
        found.append(inputs["token_ids"][:, 5] - inputs["token_ids"][:, 1])
        labels.append(label["next_sentence"])
    found, labels = np.array(found), np.array(labels)
    np.testing.assert_array_equal(found != 0, labels == 1)  # none is of the same text
    assert abs(labels.mean() - 0.5) < 0.03
    np.testing.assert_allclose(
        [np.mean(found[labels == 1] % 4 == i) for i in (1, 2, 3)], 1 / 3, atol=0.05
    )


def test_bert_hides_tokens_in_the_pairs_of_the_epoch_and_seed_and_row_alone_decide():
    random = np.random.default_rng(0)
    texts = [[random.integers(5, SIZE, 8).tolist() for _ in range(3)] for _ in range(40)]
    joint = Joint([NextSentence(), MaskedTokens()])
    made = joint.examples([pieces_of(texts)], [TOKENIZER], Template.bert())
    assert made.axes == ("tokens", "masked")
    widths = made.lengths.max(axis=0).tolist()
    inputs, labels, weights = made.of_epoch(3, 7).batch(np.arange(40), widths)
    plain, label, _ = drawn(NextSentence(), texts, 3, 7).batch(np.arange(40), widths[:1])
    np.testing.assert_array_equal(labels["next_sentence"], label["next_sentence"])
    np.testing.assert_array_equal(inputs["segment_ids"], plain["segment_ids"])
    places, real = inputs["mask_positions"], weights["masked_lm"] > 0
    hidden = np.zeros(inputs["token_ids"].shape, bool)
    for row in range(40):
        hidden[row, places[row, real[row]]] = True
    whole = np.where(hidden, plain["token_ids"], inputs["token_ids"])
    np.testing.assert_array_equal(whole, plain["token_ids"])  # nothing else is changed
    truth = np.take_along_axis(plain["token_ids"], places, axis=1)
    np.testing.assert_array_equal(labels["masked_lm"][real], truth[real])
    turned = made.of_epoch(3, 7).batch(np.arange(39, -1, -1), widths)[0]["token_ids"]
    np.testing.assert_array_equal(turned[::-1], inputs["token_ids"])
    taken = made.take(np.arange(10, 20)).of_epoch(3, 7).batch(np.arange(10), widths)
    np.testing.assert_array_equal(taken[0]["token_ids"], inputs["token_ids"][10:20])
    for other in ((3, 8), (4, 7)):
        again = made.of_epoch(*other).batch(np.arange(40), widths)
        assert (again[0]["token_ids"] != inputs["token_ids"]).any()
        assert (again[1]["next_sentence"] != labels["next_sentence"]).any()


def test_tasks_stand_beside_each_other_and_each_takes_its_own_labels():
    classes, numbers = Classes(output="classes", judge_by="accuracy"), Numbers(output="numbers")
    joint = Joint([classes, numbers, MaskedTokens()], loss_weights={"numbers": 0.1})
    columns = [Ragged.from_rows([[5, 6], [7, 8, 9]]), ["x", "y"], [1.5, -2]]
    assert joint.kinds(3) == ("text", "label", "label")
    assert joint.kinds(4) == ("text", "text", "label", "label")
    joint.fit(columns[1:])
    made = joint.examples(columns, [TOKENIZER], Template.bert())
    _, labels, weights = made.batch(np.array([1, 0]), (5, 1))
    assert list(labels) == list(weights) == ["classes", "numbers", "masked_lm"]
    assert labels["classes"].tolist() == [1, 0]
    assert labels["numbers"].tolist() == [[-2], [1.5]]
    assert list(joint.losses()) == list(joint.metrics()) == list(labels)
    assert (joint.monitor, joint.mode) == ("val_classes_accuracy", "max")
    assert joint.strata(columns[1:]) == classes.strata(columns[1:2])
    saved = keras.saving.serialize_keras_object(joint)
    loaded = keras.saving.deserialize_keras_object(saved)
    assert not loaded.is_fitted
    loaded.set_state(joint.get_state())
    assert loaded.is_fitted
    assert loaded.learnt == joint.learnt
    assert loaded.get_config() == joint.get_config()
    again = loaded.examples(columns, [TOKENIZER], Template.bert())
    assert again.digest() == made.digest()


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ([Classes(output="a")], "two or more"),
        ([Classes(), MaskedTokens()], "with an output each"),
        ([Classes(output="a"), Numbers(output="a")], "with an output each"),
        ([MaskedTokens(), MaskedTokens(output="lm")], "one MaskedTokens at most"),
        ([Entities(output="a"), Classes(output="b"), MaskedTokens()], "in one way"),
    ],
)
def test_what_cannot_be_learnt_together_is_refused(objectives, message):
    with pytest.raises(ValueError, match=message):
        Joint(objectives)


def test_other_mistakes_are_named():
    with pytest.raises(TypeError, match="texts in rows"):
        Joint([NextToken(), MaskedTokens()])
    with pytest.raises(ValueError, match=r"loss_weights names \['lm'\]"):
        Joint([NextSentence(), MaskedTokens()], loss_weights={"lm": 1.0})
    with pytest.raises(ValueError, match="not two texts"):
        drawn(NextSentence(), [[[5, 6]], [[7]]])
    with pytest.raises(ValueError, match="NextSentence takes one column"):
        DataProcess("a", "b", objective=Joint([NextSentence(), MaskedTokens()]))


def documents(count):
    """Each of one word again and again, so that a second stretch tells whether it follows."""
    random = np.random.default_rng(0)
    words = random.choice([f"w{letter}" for letter in "abcdefghijkl"], count)
    sentences = [f"{word.capitalize()} {word} {word}." for word in words]
    return pd.DataFrame({"text": [" ".join([x] * random.integers(3, 6)) for x in sentences]})


@pytest.mark.slow
@pytest.mark.parametrize("way", ["Trainer", "fit"])
def test_a_small_bert_learns_next_sentences_and_masked_tokens(way):
    objective = Joint([NextSentence(), MaskedTokens()], loss_weights={"masked_lm": 2.0})
    data = DataProcess("text", objective=objective, tokenizer="wordpiece", vocab_size=50,
                       batch_tokens=512, max_length=48)  # fmt: skip
    frame = documents(1500)
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(400), training=False)
    keras.utils.set_random_seed(1)
    model = Bert(data.tokenizers[0].vocab_size, 1, 32, 2, 64, num_positions=64, dropout=0.0,
                 heads=["next_sentence", "masked_lm"])  # fmt: skip
    adam = keras.optimizers.Adam(5e-3)
    if way == "Trainer":
        trainer = Trainer(model, train, validation, optimizer=adam, epochs=8, verbose=0)
        logs = {name.removeprefix("val_"): x[-1] for name, x in trainer.train().history.items()}
    else:
        model = model.only("next_sentence", "masked_lm")
        model.compile(adam, loss=objective.losses(), weighted_metrics=objective.metrics(),
                      loss_weights=objective.loss_weights)  # fmt: skip
        model.fit(train.dataset(), epochs=8, shuffle=False, verbose=0)
        logs = model.evaluate(validation.dataset(), verbose=0, return_dict=True)
    assert logs["masked_lm_accuracy"] > 0.8  # of twelve words; seeds have 0.90 to 0.96
    assert logs["next_sentence_accuracy"] > 0.6  # chance is a half
    total = logs["next_sentence_loss"] + 2 * logs["masked_lm_loss"]
    np.testing.assert_allclose(logs["loss"], total, rtol=1e-3 if way == "Trainer" else 0.1)

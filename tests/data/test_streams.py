"""Streams: rows go on from batch to batch, memory is carried, and a resume is exact."""

import keras
import numpy as np
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer.core import Ragged
from tftransformer.data import Batches, Streams
from tftransformer.objectives import NextToken
from tftransformer.objectives.next_token import cut
from tftransformer.training.checkpoints import Checkpointing

WIDTH = 6


class Characters:
    """A tokenizer of lower-case letters."""

    special_ids = {"pad": 0, "end": 27}
    vocab_size = 28


def documents(count, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(1, 27, random.integers(0, 9)).tolist() for _ in range(count)]


def streams(texts, rows=3, **options):
    objective = NextToken(documents="streams")
    columns = objective.blocks(Ragged.from_rows(texts), Characters, WIDTH)
    examples = objective.examples(columns, [Characters])
    return Streams(examples, rows * WIDTH, objective=objective, **options)


@pytest.mark.parametrize("count", [7, 40, 41, 42, 43])
@pytest.mark.parametrize("training", [True, False])
def test_rows_of_the_batches_are_the_text_in_order(count, training):
    texts = documents(count)
    read = streams(texts, training=training)
    batches = list(read.iterate(epoch=2))
    assert len(batches) == len(read)
    inputs, labels, weights = (
        np.concatenate(list(parts), axis=1)
        for parts in zip(*((x["token_ids"], y["lm"], w["lm"]) for x, y, w in batches), strict=True)
    )
    text = [token for own in texts if own for token in [*own, 27]]
    real = weights.reshape(-1) == 1
    assert inputs.reshape(-1)[real].tolist() == text[:-1]
    assert labels.reshape(-1)[real].tolist() == text[1:]
    # What is fill stands at the end.
    assert not (np.diff(real.astype(int)) > 0).any()
    assert [len(x["token_ids"]) for x, _, _ in batches] == [read.shapes[0][0]] * len(batches)
    rest = list(read.iterate(epoch=2, start=3))
    for one, two in zip(rest, batches[3:], strict=True):
        np.testing.assert_array_equal(one[0]["token_ids"], two[0]["token_ids"])


@pytest.mark.parametrize("blocks", [64, 65, 97, 500, 777])
def test_stretches_of_a_long_text_change_their_order_from_epoch_to_epoch(blocks):
    last = 1 + blocks % WIDTH  # labels of the last block
    text = np.arange((blocks - 1) * WIDTH + last + 1)
    columns = [cut(Ragged(text, np.array([0, len(text)])), WIDTH, overlap=1)]
    examples = NextToken().examples(columns, [Characters])
    read, kept, same = (
        Streams(examples, 3 * WIDTH, training=training) for training in (True, False, True)
    )

    def order(read, epoch):
        """The numbers of the blocks, in the order of the streams."""
        rows = np.stack(read.rows(epoch)).T.reshape(-1)
        real = rows >= 0
        assert not (np.diff(real.astype(int)) > 0).any()
        return rows[real]

    np.testing.assert_array_equal(order(kept, 3), np.arange(blocks))
    first, second = order(read, 0), order(read, 1)
    assert len(first) == len(second)
    for found in (first, second):
        assert sorted(found) == list(range(blocks))
        assert found[-1] == blocks - 1
        ends = np.flatnonzero(np.diff(found[:-1]) != 1) + 1
        assert np.diff([0, *ends, blocks - 1]).min() >= 32
    assert blocks < 500 or (first != second).any()
    np.testing.assert_array_equal(order(same, 1), second)
    for inputs, _, weights in read.iterate(epoch=1):
        assert (np.diff(inputs["token_ids"], axis=1)[weights["lm"][:, 1:] > 0] == 1).all()


def xl(**options):
    keras.utils.set_random_seed(3)
    given = {"memory_length": 4, "cutoffs": (), "dropout": 0.1, "same_length": False, **options}
    model = tt.TransformerXL(28, 1, 16, 2, 24, **given)
    for weight in model.trainable_weights:  # large enough for the memory to be seen
        weight.assign(6 * weight)
    return model


def xlnet(**options):
    keras.utils.set_random_seed(3)
    given = {"memory_length": 4, "causal": True, "pad_id": 0, **options}
    model = tt.XLNet(28, 1, 16, 2, 24, **given)
    for weight in model.trainable_weights:
        weight.assign(6 * weight)
    return model


MODELS = {"transformer-xl": xl, "xlnet": xlnet}


def trainer(model, train, validation=None, **options):
    given = {"optimizer": "sgd", "carry": tt.CarriedMemory(), "precision": "float32", "verbose": 0}
    return tt.Trainer(model, train, validation, **{**given, **options})


def loss(model, texts, rows=3, **options):
    read = streams(texts, rows, training=False)
    return trainer(model, read, **options).evaluate(read)["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_an_evaluation_is_that_of_segment_after_segment_with_the_memory_handed_on(name):
    model, texts = MODELS[name](), documents(60)
    read = streams(texts, training=False)
    memory, total, count = None, 0.0, 0.0
    for inputs, labels, weights in read.iterate():
        outputs = model({**inputs, "memory": memory}, training=False)
        memory = outputs["memory"]
        logits = np.asarray(outputs["lm"], np.float64)
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        own = np.take_along_axis(logits, labels["lm"][..., None], axis=-1)[..., 0]
        total, count = total - (own * weights["lm"]).sum(), count + weights["lm"].sum()
    np.testing.assert_allclose(loss(model, texts), total / count, rtol=1e-5)
    assert abs(loss(model, texts, carry=None) - total / count) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_stream_is_moved_by_what_stands_behind_it_and_by_no_other_stream(name):
    """The first document of the second stream: nothing before it, in its own stream all behind."""
    model, texts = MODELS[name](), [documents(1, seed)[0] + [1] for seed in range(60)]
    read = streams(texts, 2, training=False)

    def hidden(change):
        memory, found = None, []
        for step, (inputs, _, _) in enumerate(read.iterate()):
            ids = np.array(inputs["token_ids"])
            if change and step == 2:
                ids[1] = 28 - np.clip(ids[1], 1, 27)
            outputs = model({**inputs, "token_ids": ids, "memory": memory}, training=False)
            memory = outputs["memory"]
            found.append(np.asarray(outputs["hidden"]))
        return np.stack(found)

    moved = np.abs(hidden(True) - hidden(False)).max(axis=(2, 3))
    assert not moved[:, 0].any()
    assert not moved[:2, 1].any()
    assert moved[2:4, 1].min() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_run_that_stops_within_an_epoch_goes_on_with_the_memory_it_had(name, tmp_path):
    read, options = streams(documents(60)), {"epochs": 2, "optimizer": "adam"}
    whole, resumed = MODELS[name](), MODELS[name]()
    history = trainer(whole, read, **options).train().history
    options |= {"directory": tmp_path, "checkpointing": Checkpointing(every_seconds=None)}
    trainer(MODELS[name](), read, steps=len(read) + 5, **options).train()
    rest = trainer(resumed, read, resume=True, **options).train().history
    assert rest == history
    for one, two in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_an_epoch_begins_without_the_memory_of_the_last_one():
    model, read = xl(dropout=0.0), streams(documents(60))
    losses = trainer(model, read, epochs=2, optimizer=keras.optimizers.SGD(0.0)).train().history
    assert losses["loss"][0] == losses["loss"][1]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_longer_memory_at_evaluation_sees_further_back_with_the_same_weights(name):
    model, texts = MODELS[name](), documents(60)
    longer, same = model.with_memory(400), model.with_memory(4)
    assert loss(same, texts) == loss(model, texts)
    if name == "xlnet":  # whose memory starts empty, not with zeros
        whole = [token for own in texts if own for token in [*own, 27]]
        outputs = longer({"token_ids": np.array([whole[:-1]])}, training=False)
        logits = np.asarray(outputs["lm"], np.float64)[0]
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        expected = -logits[np.arange(len(whole) - 1), whole[1:]].mean()
        np.testing.assert_allclose(loss(longer, texts, rows=1), expected, rtol=1e-4)
    assert abs(loss(longer, texts) - loss(model, texts)) > 1e-4


def test_what_is_carried_needs_rows_that_go_on():
    examples = streams(documents(60)).examples
    shuffled = Batches(examples, 3 * WIDTH, objective=NextToken())
    with pytest.raises(ValueError, match=r"those of train do not.*documents='streams'"):
        trainer(xl(), shuffled)
    with pytest.warns(UserWarning, match=r"TransformerXL remembers nothing.*CarriedMemory"):
        trainer(xl(), streams(documents(60)), carry=None)


@pytest.mark.slow
def test_columns_of_a_frame_become_streams(tmp_path):
    frame = pd.DataFrame({"text": tt.everyday_corpus(size=200).train["en"]})
    data = tt.DataProcess(
        "text",
        objective=NextToken(documents="streams"),
        vocab_size=400,
        max_length=16,
        batch_tokens=64,
    ).fit(frame)
    data.save(tmp_path)
    read = tt.DataProcess.load(tmp_path).batches(frame, training=False)
    assert isinstance(read, Streams)
    assert read.shapes == [(4, 16)]
    assert isinstance(read.in_shapes(1, 8), Streams)
    inputs, labels, _ = next(read.iterate(start=1))
    text = np.concatenate([
        [2, *ids, 3] for ids in data.source_tokenizer.encode(list(frame["text"])).ids.tolist()
    ])  # fmt: skip
    np.testing.assert_array_equal(inputs["token_ids"][0], text[16:32])
    np.testing.assert_array_equal(labels["lm"][0], text[17:33])

"""Span corruption: a plain loop, what holds for any row, and a model that learns from it."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.models import T5
from tftransformer.objectives import SpanCorruption
from tftransformer.objectives.drawing import uniform
from tftransformer.training import Trainer

PAD, START, END, UNK, SIZE = 0, 1, 2, 3, 50
TOKENIZER = SimpleNamespace(
    special_ids={"pad": PAD, "start": START, "end": END, "unk": UNK}, vocab_size=SIZE
)
ROW = st.lists(st.one_of(st.integers(4, SIZE - 1), st.just(UNK)), min_size=1, max_size=70)
ORDINARY = st.lists(st.integers(4, SIZE - 1), min_size=1, max_size=150)


def drawn(rows, seed=0, epoch=0, **options):
    made = SpanCorruption(**options).examples([Ragged.from_rows(rows)], [TOKENIZER])
    return made.of_epoch(seed, epoch)


def sides(made, row):
    """Source and labels of a row without padding, and what the decoder reads."""
    inputs, labels, weights = made.batch(np.array([row]), made.lengths.max(axis=0).tolist())
    real = int(weights.sum())
    source = inputs["source_ids"][0]
    source = source[: int(np.flatnonzero(source == END)[-1]) + 1]
    return source.tolist(), labels[0, :real].tolist(), inputs["target_ids"][0, :real].tolist()


def reference(tokens, draw, row, share=0.15, mean=3.0, sentinels=100):
    """By choosing gaps and lengths, one token after the other."""
    ordinary = [place for place, token in enumerate(tokens) if token != UNK]
    n = len(ordinary)
    noise = max(1, min(n - 1, round(n * share))) if n > 1 else 0
    kept = n - noise
    spans = min(max(1, round(noise / mean)), noise, kept + 1, sentinels)
    gaps = uniform(draw, np.array([row]), n + 1, 0)[0]
    cuts = uniform(draw, np.array([row]), n + 1, 1)[0]
    begins = set(sorted(range(kept + 1), key=lambda i: gaps[i])[:spans])
    ends = sorted(sorted(range(1, noise), key=lambda i: cuts[i])[: max(spans - 1, 0)])
    sizes = iter(np.diff([0, *ends, noise]).tolist())
    flags = []
    for gap in range(kept + 1):
        if noise and gap in begins:
            flags += [True] * next(sizes)
        flags += [False] * (gap < kept)
    left_out = {place for place, flag in zip(ordinary, flags, strict=True) if flag}
    source, labels, used = [], [], 0
    for place, token in enumerate(tokens):
        begins_here = place in left_out and place - 1 not in left_out
        if begins_here and used == sentinels:  # none is left: the rest is kept
            source += tokens[place:]
            break
        if begins_here:
            sentinel = SIZE + sentinels - 1 - used
            source.append(sentinel)
            labels.append(sentinel)
            used += 1
        (labels if place in left_out else source).append(token)
    return [*source, END], [*labels, END]


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5), st.integers(0, 2**32 - 1), st.integers(0, 1000),
       st.sampled_from([{}, {"share": 0.5, "mean_length": 1.5}, {"share": 0.9, "mean_length": 1.0},
                        {"share": 0.4, "mean_length": 2.0, "sentinels": 3}]))  # fmt: skip
def test_each_row_equals_a_plain_loop(rows, seed, epoch, options):
    made = drawn(rows, seed, epoch, **options)
    plain = {"share": 0.15, "mean": options.get("mean_length", 3.0), **options}
    plain.pop("mean_length", None)
    for row, tokens in enumerate(rows):
        source, labels, target = sides(made, row)
        assert (source, labels) == reference(tokens, (seed, epoch), row, **plain)
        assert target == [START, *labels[:-1]]
        assert (np.array([len(source), len(labels)]) <= made.lengths[row]).all()


@settings(max_examples=60, deadline=None)
@given(ROW, st.integers(0, 1000), st.sampled_from([0.15, 0.5]))
def test_each_token_is_on_one_side_and_the_spans_put_back_give_the_row(tokens, seed, share):
    source, labels, _ = sides(drawn([tokens], seed, share=share), 0)
    assert source.pop() == labels.pop() == END
    spans = {}
    for token in labels:
        if token >= SIZE:
            spans[token] = []
        else:
            spans[list(spans)[-1]].append(token)
    assert UNK not in labels
    assert all(spans.values())  # none is empty
    assert [token for token in source if token >= SIZE] == list(spans)
    assert list(spans) == list(range(SIZE + 99, SIZE + 99 - len(spans), -1))
    whole = [part for token in source for part in spans.get(token, [token])]
    assert whole == tokens


@settings(max_examples=60, deadline=None)
@given(ORDINARY, st.integers(0, 1000))
def test_noise_and_spans_are_as_many_as_the_paper_says_and_lengths_are_exact(tokens, seed):
    made = drawn([tokens], seed)
    source, labels, _ = sides(made, 0)
    spans = sum(token >= SIZE for token in labels)
    noise = len(labels) - 1 - spans
    if len(tokens) > 1:
        assert noise == max(1, round(0.15 * len(tokens)))
        assert spans == max(1, round(noise / 3))
    else:
        assert (noise, spans) == (0, 0)
    assert made.lengths.tolist() == [[len(source), len(labels)]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.one_of(st.integers(4, SIZE - 1), st.just(UNK)), max_size=200),
                min_size=1, max_size=4),
       st.integers(1, 40), st.sampled_from([0.01, 0.15, 0.5, 0.99]), st.sampled_from([1.0, 3.0]),
       st.sampled_from([1, 3, 100]))  # fmt: skip
def test_blocks_fit_whatever_is_drawn_and_are_cut_where_a_document_does_not(
    rows, room, share, mean_length, sentinels
):
    objective = SpanCorruption(share, mean_length, sentinels=sentinels)
    (blocks,) = objective.blocks(Ragged.from_rows(rows), TOKENIZER, room)
    assert blocks.values.tolist() == Ragged.from_rows(rows).values.tolist()
    made, whole = (objective.examples([Ragged.from_rows(of)], [TOKENIZER]).lengths.max(axis=1)
                   for of in (blocks.tolist(), rows))  # fmt: skip
    assert made.max(initial=0) <= room + 1
    if whole.max() <= room + 1:
        assert blocks.tolist() == rows
    else:
        assert blocks.lengths.min() > 0


def test_blocks_are_as_long_as_those_of_t5():
    document = Ragged.from_rows([range(4, 4 + 1500)])
    tokenizer = SimpleNamespace(special_ids=TOKENIZER.special_ids, vocab_size=2000)
    objective = SpanCorruption()
    (blocks,) = objective.blocks(document, tokenizer, 511)
    # `random_spans_helper` of its code: 568 tokens for 512 of input and 114 of target.
    assert blocks.lengths.tolist() == [568, 568, 364]
    made = objective.examples([blocks], [tokenizer])
    assert made.lengths[0].tolist() == [512, 114]


def test_every_place_of_a_short_row_is_left_out_as_often():
    made = drawn([list(range(10, 20))] * 4000)
    inputs, _, _ = made.batch(np.arange(4000), made.lengths.max(axis=0).tolist())
    begins = np.argmax(inputs["source_ids"] >= SIZE, axis=1)
    # Ten tokens, a span of two: nine places.
    np.testing.assert_allclose(np.bincount(begins, minlength=9) / 4000, 1 / 9, atol=0.02)


def test_a_draw_depends_on_seed_epoch_and_row_alone():
    random = np.random.default_rng(0)
    rows = [random.integers(4, SIZE, size).tolist() for size in random.integers(1, 90, 30)]
    made = drawn(rows, 3, 7)
    widths = made.lengths.max(axis=0).tolist()
    whole = made.batch(np.arange(30), widths)
    turned = drawn(rows, 3, 7).batch(np.arange(30)[::-1], widths)
    part = drawn(rows).take(np.arange(10, 20)).of_epoch(3, 7).batch(np.arange(10), widths)
    for name in ("source_ids", "target_ids"):
        np.testing.assert_array_equal(whole[0][name], turned[0][name][::-1])
        np.testing.assert_array_equal(whole[0][name][10:20], part[0][name])
    for other in (drawn(rows, 3, 8), drawn(rows, 4, 7)):
        assert (other.batch(np.arange(30), widths)[0]["source_ids"] != whole[0]["source_ids"]).any()
        np.testing.assert_array_equal(other.lengths, made.lengths)


def test_rows_of_fill_are_padding_of_no_weight():
    inputs, labels, weights = drawn([[5, 6, 7]]).batch(np.array([-1, -1]), (4, 3))
    for array in (inputs["source_ids"], inputs["target_ids"], labels, weights):
        assert not array.any()
    assert {inputs["source_ids"].dtype, inputs["target_ids"].dtype, labels.dtype} == {
        np.dtype("int32")
    }
    assert weights.dtype == np.float32


def test_a_tokenizer_with_sentinels_has_its_own():
    added = [SimpleNamespace(content=f"<extra_id_{i}>", id=49 - i) for i in (1, 0, 2)]
    added.append(SimpleNamespace(content="<other>", id=40))
    known = SimpleNamespace(**vars(TOKENIZER), added_tokens=added)
    assert SpanCorruption().sentinel_ids(known).tolist() == [49, 48, 47]
    assert SpanCorruption(sentinels=2).sentinel_ids(TOKENIZER).tolist() == [51, 50]


def test_settings_come_back_and_mistakes_are_named():
    objective = SpanCorruption(0.3, 2.0, sentinels=7, smoothing=0.1, start_id=0, output="lm")
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert loaded.get_config() == objective.get_config()
    with pytest.raises(ValueError, match="share"):
        SpanCorruption(1.0)
    with pytest.raises(ValueError, match="mean_length"):
        SpanCorruption(mean_length=0.5)
    with pytest.raises(ValueError, match="takes one column, of texts; it was given 2"):
        DataProcess("a", "b", objective=SpanCorruption())
    no_end = SimpleNamespace(special_ids={"pad": 0, "start": 1}, vocab_size=9)
    with pytest.raises(ValueError, match="no end token, which SpanCorruption needs"):
        SpanCorruption().examples([Ragged.from_rows([[5]])], [no_end])


def sentences(count):
    """Rows of one word, which what is kept of the row tells and nothing else does."""
    random = np.random.default_rng(0)
    words = [f"w{letter}" for letter in "abcdefghijkl"]
    return pd.DataFrame(
        {"text": [" ".join([random.choice(words)] * random.integers(8, 20)) for _ in range(count)]}
    )


@pytest.mark.slow
def test_a_small_t5_learns_to_write_the_spans_by_trainer_and_by_fit():
    objective = SpanCorruption(sentinels=20)
    data = DataProcess("text", objective=objective, vocab_size=290, batch_tokens=256)
    frame = sentences(4000)
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)
    # What a model must lose that does not read the source: one word of twelve for each row.
    blind = 300 * np.log(12) / validation.examples.lengths[:, 1].sum()
    tokenizer = data.tokenizers[0]

    def model():
        keras.utils.set_random_seed(1)
        ids = {f"{name}_id": tokenizer.special_ids[name] for name in ("pad", "start", "end")}
        size = tokenizer.vocab_size + 20
        return T5(size, 1, 32, 2, 64, head_width=16, dropout=0.0, **ids).only("lm")

    made = model()
    trainer = Trainer(made, train, validation, optimizer=keras.optimizers.Adam(5e-3), epochs=1,
                      verbose=0)  # fmt: skip
    found = trainer.train().history["val_loss"][-1]
    assert found < 0.75 * blind
    made = model()
    made.compile(keras.optimizers.Adam(5e-3), loss=objective.losses(),
                 weighted_metrics=objective.metrics())  # fmt: skip
    history = made.fit(train.dataset(), epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert made.evaluate(validation.dataset(), verbose=0)[0] < 0.75 * blind

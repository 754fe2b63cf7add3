"""Denoising: a plain loop, what holds for any text, and a model that learns from it."""

import math
from collections import Counter
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.models import Bart
from tftransformer.objectives import Denoising, Pieces
from tftransformer.objectives.drawing import uniform
from tftransformer.text import sentences
from tftransformer.training import Trainer

PAD, START, END, UNK, MASK, SIZE = 0, 1, 2, 3, 4, 50
TOKENIZER = SimpleNamespace(
    special_ids={"pad": PAD, "start": START, "end": END, "unk": UNK, "mask": MASK}, vocab_size=SIZE
)
SENTENCE = st.lists(st.integers(5, SIZE - 1), min_size=1, max_size=12)
TEXTS = st.lists(st.lists(SENTENCE, min_size=1, max_size=5), min_size=1, max_size=5)
OPTIONS = [{}, {"share": 0.9}, {"share": 0.5, "mean_length": 0.5}, {"share": 0.0},
           {"permute": False}, {"before": [7, 8], "start_id": 9}]  # fmt: skip


def joined(text):
    return [token for sentence in text for token in sentence]


def pieces_of(texts):
    """Texts, each a list of sentences, as one window each."""
    ids = Ragged.from_rows([joined(text) for text in texts])
    numbers = [3 + n for text in texts for n, sentence in enumerate(text) for _ in sentence]
    count = len(ids.values)
    places = Ragged(np.arange(count), ids.row_splits)
    spans = np.arange(count, dtype=np.int32)
    return Pieces(ids, spans, spans + 1, np.array(numbers, np.int32), np.arange(len(texts)),
                  places, np.ones(count, bool))  # fmt: skip


def drawn(texts, seed=0, epoch=0, **options):
    made = Denoising(**options).examples([pieces_of(texts)], [TOKENIZER])
    return made.of_epoch(seed, epoch)


def reference(text, draw, row, share=0.3, mean_length=3.0, permute=True):
    """One sentence, then one span after the other."""
    if permute:
        keys = uniform(draw, np.array([row]), len(text), 2)[0]
        text = [text[i] for i in np.argsort(keys)]
    tokens = joined(text)
    noise = round(len(tokens) * share)
    sizes = []
    for times, number in enumerate(uniform(draw, np.array([row]), noise, 0)[0]):
        if sum(sizes) == noise:
            break
        size, below = 0, math.exp(-mean_length)
        while number >= below:
            size += 1
            below += math.exp(-mean_length) * mean_length**size / math.factorial(size)
        size = min(size, noise - sum(sizes))
        if times + sum(sizes) + size > len(tokens):  # no gap is left
            break
        if size or times < sum(sizes):
            sizes.append(size)
    gaps = uniform(draw, np.array([row]), len(tokens) + 1, 1)[0]
    left = len(tokens) - sum(sizes)
    begins = sorted(sorted(range(left + 1), key=lambda gap: gaps[gap])[: len(sizes)])
    source, at, spans = [], 0, dict(zip(begins, sizes, strict=True))
    for gap in range(left + 1):
        if gap in spans:
            source.append(MASK)
            at += spans[gap]
        source += tokens[at : at + 1] if gap < left else []
        at += 1
    return source


def rows_of(made):
    inputs, labels, weights = made.batch(np.arange(len(made)), made.lengths.max(axis=0).tolist())
    for row, (source, target) in enumerate(made.lengths):
        real = weights[row] > 0
        assert real.sum() == target
        assert (inputs["source_ids"][row, source:] == PAD).all()
        parts = inputs["source_ids"][row, :source], inputs["target_ids"][row, real]
        yield [part.tolist() for part in (*parts, labels[row, real])]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(0, 2**32 - 1), st.integers(0, 1000), st.sampled_from(OPTIONS))
def test_each_row_equals_a_plain_loop(texts, seed, epoch, options):
    made = drawn(texts, seed, epoch, **options)
    before, start = options.get("before", []), options.get("start_id", START)
    plain = {k: v for k, v in options.items() if k not in ("before", "start_id")}
    for row, (source, target, labels) in enumerate(rows_of(made)):
        expected = reference(texts[row], (seed, epoch), row, **plain)
        assert source == [*before, *expected, END]
        assert labels == [*before, *joined(texts[row]), END]
        assert target == [start, *labels[:-1]]
    longest = Denoising(**options).examples([pieces_of(texts)], [TOKENIZER]).lengths
    assert (made.lengths <= longest).all()


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(0, 1000))
def test_what_is_kept_stands_in_the_order_of_its_sentence(texts, seed):
    texts = [[[5 + i] * len(s) for i, s in enumerate(text)] for text in texts]
    for text, (source, _, _) in zip(texts, rows_of(drawn(texts, seed)), strict=True):
        kept = [token for token in source if token > UNK + 1]
        runs = [a for a, b in zip(kept, [None, *kept], strict=False) if a != b]
        assert len(runs) == len(set(runs))  # sentences are moved as a whole
        assert len(kept) >= len(joined(text)) - round(0.3 * len(joined(text)))


def test_shares_and_lengths_are_those_of_the_paper():
    texts = [[[*range(10, 35)] * 4]] * 500
    share, spans, empty = [], [], []
    for source, _, _ in rows_of(drawn(texts)):
        share.append(1 - sum(token != MASK for token in source[:-1]) / 100)
        spans.append(source.count(MASK))
        # Between two neighbours of the text nothing was left out.
        empty += [
            (source[i + 1] - source[i - 1]) % 25 == 1
            for i, token in enumerate(source)
            if token == MASK and 0 < i < len(source) - 2
        ]
    np.testing.assert_allclose(share, 0.3)
    assert abs(np.mean(spans) - 10.5) < 0.5  # 30 / 3, and the last span cut
    assert abs(np.mean(empty) - math.exp(-3)) < 0.02


def test_every_order_of_sentences_is_as_likely():
    texts = [[[10], [11], [12]]] * 3000
    orders = [tuple(source[:-1]) for source, _, _ in rows_of(drawn(texts, share=0.0))]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    np.testing.assert_allclose(counts / 3000, 1 / 6, atol=0.03)


def test_a_draw_depends_on_seed_epoch_and_row_alone():
    random = np.random.default_rng(0)
    texts = [[random.integers(5, SIZE, random.integers(1, 12)).tolist() for _ in range(4)]
             for _ in range(30)]  # fmt: skip
    plain = Denoising().examples([pieces_of(texts)], [TOKENIZER])
    widths = plain.lengths.max(axis=0).tolist()

    def sources(made, rows):
        return made.batch(np.asarray(rows), widths)[0]["source_ids"]

    made = plain.of_epoch(3, 7)
    whole = sources(made, range(30))
    np.testing.assert_array_equal(whole, sources(plain.of_epoch(3, 7), range(29, -1, -1))[::-1])
    taken = plain.take(np.arange(10, 20)).of_epoch(3, 7)
    np.testing.assert_array_equal(whole[10:20], sources(taken, range(10)))
    for other in (plain.of_epoch(3, 8), plain.of_epoch(4, 7)):
        assert (sources(other, range(30)) != whole).any()
    for part in (inputs := made.batch(np.array([-1]), (3, 4)))[0].values():
        assert (part == PAD).all()
    assert not inputs[2].any()


def test_settings_come_back_and_mistakes_are_named():
    objective = Denoising(
        0.2, 2.0, permute=False, smoothing=0.0, start_id=2, before=[0], output="lm"
    )
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert loaded.get_config() == objective.get_config()
    with pytest.raises(ValueError, match="share"):
        Denoising(1.0)
    with pytest.raises(ValueError, match="mean_length"):
        Denoising(mean_length=0)
    with pytest.raises(ValueError, match="takes one column, of texts; it was given 2"):
        DataProcess("a", "b", objective=Denoising())
    no_mask = SimpleNamespace(special_ids={"pad": 0, "start": 1, "end": 2}, vocab_size=9)
    with pytest.raises(ValueError, match="no mask token, which Denoising needs"):
        Denoising().examples([pieces_of([[[5]]])], [no_mask])


@pytest.mark.slow
def test_long_texts_make_rows_whose_sentences_are_those_of_the_text():
    text = "One dog ran. Two cats sat! Did three cows eat? Four hens. " * 3
    frame = pd.DataFrame({"text": [text.strip(), "Short one. It is."]})
    for max_length, count in ((150, 2), (12, 3)):
        data = DataProcess("text", objective=Denoising(0.0), vocab_size=310,
                           max_length=max_length)  # fmt: skip
        batches = data.fit(frame).batches(frame)
        assert batches.examples.lengths.max() <= max_length
        rows = [[], []]
        for inputs, labels, weights in batches.iterate():
            for side, ids in zip(rows, (inputs["source_ids"], labels), strict=True):
                texts = data.tokenizers[0].detokenize(ids[weights.any(axis=1)]).numpy()
                side += [sentences([row.decode()])[0] for row in texts]
        read, written = rows
        assert len(written) >= count
        if max_length == 150:  # no sentence is cut
            assert [sorted(row) for row in read] == [sorted(row) for row in written]
            assert read != written
        letters = "".join(part for row in written for part in row)
        assert Counter(letters.replace(" ", "")) == Counter(
            (text + "Shortone.Itis.").replace(" ", "")
        )


@pytest.mark.slow
def test_a_small_bart_learns_to_mend_by_trainer_and_by_fit():
    random = np.random.default_rng(0)
    words = [f"w{letter}" for letter in "abcdefghijkl"]
    texts = [" ".join([word] * 12) for word in random.choice(words, 4000)]
    frame = pd.DataFrame({"text": texts})
    objective = Denoising(smoothing=0.0)
    data = DataProcess("text", objective=objective, vocab_size=295,
                       batch_tokens=256)  # fmt: skip
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)
    tokenizer = data.tokenizers[0]

    def model():
        keras.utils.set_random_seed(1)
        ids = {f"{name}_id": tokenizer.special_ids[name] for name in ("pad", "start", "end")}
        return Bart(tokenizer.vocab_size, 1, 32, 2, 64, dropout=0.0, **ids).only("lm")

    made = model()
    trainer = Trainer(made, train, validation, optimizer=keras.optimizers.Adam(5e-3), epochs=1,
                      verbose=0)  # fmt: skip
    # Who does not read the source must guess one of twelve words for each row.
    blind = 300 * np.log(12) / validation.examples.lengths[:, 1].sum()
    assert trainer.train().history["val_loss"][-1] < 0.75 * blind
    made = model()
    made.compile(keras.optimizers.Adam(5e-3), loss=objective.losses(),
                 weighted_metrics=objective.metrics())  # fmt: skip
    made.fit(train.dataset(), epochs=1, shuffle=False, verbose=0)
    assert made.evaluate(validation.dataset(), verbose=0)[0] < 0.75 * blind

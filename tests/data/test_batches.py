"""Batches: exact in content and order, whatever the epoch, the place and the segmentation."""

from types import SimpleNamespace

import numpy as np
import pytest

from tftransformer.core import Ragged
from tftransformer.data import Batches
from tftransformer.data.sampling import Sampled
from tftransformer.objectives import SequenceToSequence, SpanCorruption

ROWS = 300
TOKENIZER = SimpleNamespace(special_ids={"pad": 0, "start": 2, "end": 3})


def examples(seed=0, longest=12):
    random = np.random.default_rng(seed)
    sides = [
        Ragged.from_rows([random.integers(4, 50, random.integers(1, longest)) for _ in range(ROWS)])
        for _ in range(2)
    ]
    return SequenceToSequence().examples(sides, [TOKENIZER, TOKENIZER])


def resample(seed, epoch):
    """Another segmentation for each epoch; some rows grow beyond the longest plain one."""
    return examples(seed=epoch + 100, longest=15)


def batches(sampled=False, **settings):
    made = Sampled(examples(), resample) if sampled else examples()
    return Batches(made, **{"batch_tokens": 64, "seed": 5, "max_shapes": 6} | settings)


VARIANTS = pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: batches(), id="training"),
        pytest.param(lambda: batches(training=False), id="evaluation"),
        pytest.param(lambda: batches(sampled=True), id="sampled"),
    ],
)


def flat(batch):
    inputs, labels, weights = batch
    return [*inputs.values(), labels, weights]


def assert_same(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for a, b in zip(flat(one), flat(other), strict=True):
            np.testing.assert_array_equal(a, b)


def real_rows(epoch_batches):
    """All rows of an epoch without their padding, as a sorted list."""
    rows = []
    for inputs, labels, weights in epoch_batches:
        for source, target, label, weight in zip(*inputs.values(), labels, weights, strict=True):
            real = int(weight.sum())
            length = int((source != 0).sum())
            # Padding is at the end alone, and where there is none, the ids are real.
            assert (weight == (np.arange(len(weight)) < real)).all()
            assert (label != 0).sum() == (target != 0).sum() == real
            assert (source[:length] != 0).all()
            if real:
                rows.append((tuple(source[:length]), tuple(target[:real]), tuple(label[:real])))
    return sorted(rows)


def rows_of(made):
    """The same of all rows in one batch."""
    return real_rows([made.batch(np.arange(len(made)), made.lengths.max(axis=0))])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("epoch", [0, 3])
def test_every_token_comes_once_an_epoch(training, epoch):
    made = batches(training=training)
    assert real_rows(made.iterate(epoch)) == rows_of(examples())
    assert sorted(np.concatenate(made.rows(epoch))) == list(range(ROWS))


def test_a_sampled_row_is_cut_anew_or_stays_plain_if_it_grew_too_long():
    made = batches(sampled=True)
    plain, sampled = examples(), resample(5, 3)
    fits = (sampled.lengths <= plain.lengths.max(axis=0)).all(axis=1)
    assert 0 < fits.sum() < ROWS
    kept = [sampled.take(np.flatnonzero(fits)), plain.take(np.flatnonzero(~fits))]
    assert real_rows(made.iterate(3)) == sorted(rows_of(kept[0]) + rows_of(kept[1]))


@pytest.mark.slow_after(1)
@VARIANTS
@pytest.mark.parametrize("epoch", [0, 2])
def test_resuming_equals_going_on(made, epoch):
    whole = list(made().iterate(epoch))
    assert len(whole) == made().count(epoch)
    for start in (0, 1, len(whole) // 2, len(whole)):
        fresh = made()
        if start:  # whatever was asked for before must not matter
            list(fresh.iterate(epoch + 1))
        assert_same(fresh.dataset(epoch, start).as_numpy_iterator(), whole[start:])


@VARIANTS
def test_all_batches_have_one_of_few_shapes(made):
    made = made()
    assert len(made.shapes) <= 6
    for epoch in range(3):
        for inputs, labels, weights in made.iterate(epoch):
            source, target = inputs["source_ids"], inputs["target_ids"]
            assert (*source.shape, target.shape[1]) in made.shapes
            assert target.shape == labels.shape == weights.shape
            assert max(source.size, target.size) <= 64


def test_epochs_and_seeds_differ_in_training_alone():
    def order(epoch=0, **settings):
        return np.concatenate(batches(**settings).rows(epoch)).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != order(0, seed=6)
    assert order(0, training=False) == order(1, training=False, seed=6)


def test_padding_is_what_one_counts():
    made = batches()
    ids = [side for inputs, _, _ in made.iterate() for side in inputs.values()]
    counted = np.mean(np.concatenate([side.ravel() for side in ids]) == 0)
    assert made.padding == pytest.approx(counted)
    assert f"{ROWS} rows in {len(made)} batches" in str(made)
    assert f"{made.padding:.1%} padding" in str(made)


def test_few_rows_make_few_shapes_and_full_batches():
    assert len(batches(batch_tokens=4096).shapes) == 1
    assert len(batches(batch_tokens=4096, training=False).shapes) == 1
    assert len(batches(batch_tokens=512).shapes) <= len(
        batches(batch_tokens=512, training=False).shapes
    )


def test_the_dataset_says_its_length_and_leaves_dimensions_open():
    made = batches()
    dataset = made.dataset(epoch=1, start=4)
    assert dataset.cardinality() == len(made) - 4
    inputs, labels, weights = dataset.element_spec
    assert {spec.dtype.name for spec in (*inputs.values(), labels)} == {"int32"}
    assert weights.dtype.name == "float32"
    assert all(s.shape.as_list() == [None, None] for s in (*inputs.values(), labels, weights))


@pytest.mark.parametrize("settings", [{}, {"sampled": True}], ids=["plain", "sampled"])
def test_without_an_epoch_each_iteration_is_the_next_one(settings):
    dataset = batches(**settings).dataset()
    for epoch in range(3):
        assert_same(dataset.as_numpy_iterator(), batches(**settings).iterate(epoch))


@pytest.mark.slow
def test_plain_keras_fits_on_new_order_each_epoch_with_one_trace():
    import keras

    made, asked = batches(), []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = keras.layers.Embedding(50, 4)
            self.project = keras.layers.Dense(50)

        def call(self, inputs):
            asked.append(inputs["target_ids"].shape)
            return self.project(self.embed(inputs["target_ids"]))

    model = Model()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    iterate, epochs = made.iterate, []
    made.iterate = lambda epoch, start: epochs.append(epoch) or iterate(epoch, start)
    model.fit(made.dataset(), epochs=3, verbose=0, shuffle=False)
    assert epochs == [0, 1, 2]
    assert len(asked) <= 3  # building and tracing, once each; not once for each shape


def test_what_is_sampled_is_drawn_anew_as_well():
    column = Ragged.from_rows([list(range(5, 45))] * 4)
    tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 1, "end": 2}, vocab_size=50)
    plain = SpanCorruption().examples([column], [tokenizer])
    sampled = Sampled(plain, lambda seed, epoch: plain)
    widths = plain.lengths.max(axis=0).tolist()
    for epoch in range(2):
        found, expected = (
            made.of_epoch(3, epoch).batch(np.arange(4), widths)[1] for made in (sampled, plain)
        )
        np.testing.assert_array_equal(found, expected)

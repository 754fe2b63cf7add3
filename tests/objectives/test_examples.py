"""Examples: views with named axes; a batch is what a plain loop would make."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from tftransformer.core import Ragged
from tftransformer.data import Batches
from tftransformer.objectives import (
    ColumnExamples,
    Concatenated,
    Examples,
    IsReal,
    MaskedTokens,
    MultiHot,
    Tokens,
    Values,
)
from tftransformer.text import Template


def examples():
    ids = Tokens(Ragged.from_rows([[5, 6, 7], [8], []]), "tokens", fill=4, after=(3,))
    others = Tokens(Ragged.from_rows([[1], [1, 2], [1]]), "others", fill=-1)
    return ColumnExamples(
        {"token_ids": ids, "padding_mask": IsReal(ids, "bool"), "other_ids": others},
        {"class": Values(np.array([2, 0, 1], np.int32)), "vector": Values(np.eye(3)[:, :2], -1)},
        {"class": Values(np.array([1, 0.5, 1], np.float32)), "vector": IsReal(others)},
    )


def test_axes_are_named_once_however_many_inputs_they_have():
    made = examples()
    assert made.axes == ("tokens", "others")
    assert made.lengths.tolist() == [[4, 1], [2, 2], [1, 1]]


def test_each_part_is_a_tree_of_any_rank_with_its_own_fill():
    inputs, labels, weights = examples().batch(np.array([1, -1]), (3, 2))
    assert inputs["token_ids"].tolist() == [[8, 3, 4], [4, 4, 4]]
    assert inputs["padding_mask"].tolist() == [[True, True, False], [False] * 3]
    assert inputs["other_ids"].tolist() == [[1, 2], [-1, -1]]
    assert labels["class"].tolist() == [0, 0]
    assert labels["vector"].tolist() == [[0, 1], [-1, -1]]
    assert weights["class"].tolist() == [0.5, 0]
    assert weights["vector"].tolist() == [[1, 1], [0, 0]]


def test_take_is_a_view_of_a_view():
    made = examples().take(np.array([2, 1, 0])).take(np.array([2, 0, 2]))
    assert made.lengths.tolist() == [[4, 1], [1, 1], [4, 1]]
    inputs, _, _ = made.batch(np.array([1, 0, -1]), (4, 1))
    assert inputs["token_ids"].tolist() == [[3, 4, 4, 4], [5, 6, 7, 3], [4, 4, 4, 4]]


def test_taking_and_asking_for_lengths_copies_no_ids():
    ids = Ragged(np.zeros(4_000_000, np.int32), np.arange(0, 4_000_001, 40))
    tracemalloc.start()
    column = Tokens(ids, "tokens", after=(3,))
    made = ColumnExamples(column, Values(np.zeros(len(ids))), Values(np.ones(len(ids))))
    made = made.take(np.arange(len(ids))[::-1])
    made.batch(np.arange(8), made.lengths.max(axis=0))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < ids.values.nbytes / 2


def test_columns_of_different_height_are_refused():
    with pytest.raises(ValueError, match="the columns have 2 and 3 rows"):
        ColumnExamples(Values(np.zeros(3)), Values(np.zeros(2)), Values(np.zeros(3)))


def test_multi_hot_labels_take_the_place_of_their_classes():
    column = MultiHot(Ragged.from_rows([[0, 2], [], [1]]), 3)
    batch = column.batch(np.array([2, -1, 0, 1]), {})
    assert batch.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert batch.dtype == np.float32


@pytest.mark.parametrize("change", ["ids", "labels", "weights", "order", "end"])
def test_a_digest_knows_every_part(change):
    def made(ids=(5, 6), labels=(0, 1), weights=(1, 1), order=(0, 1), end=3):
        column = Tokens(Ragged.from_rows([ids, [7]]), "tokens", after=(end,))
        labels, weights = Values(np.array(labels)), Values(np.array(weights, np.float32))
        return ColumnExamples({"a": column}, labels, weights).take(np.array(order)).digest()

    other = {"ids": (5, 8), "labels": (1, 1), "weights": (1, 0.5), "order": (1, 0), "end": 2}
    assert made() == made()
    assert made() != made(**{change: other[change]})


class Drawn(Examples):
    """An objective that draws: a function of the seed, the epoch and the number of the row."""

    axes = ("tokens",)

    def __init__(self, rows, key=(0, 0)):
        self.rows, self.key = rows, key

    def __len__(self):
        return self.rows

    @property
    def lengths(self):
        return np.full((self.rows, 1), 4)

    def batch(self, rows, widths):
        drawn = [np.random.default_rng([*self.key, row]).integers(100) if row >= 0 else 0
                 for row in rows]  # fmt: skip
        return np.zeros((len(rows), *widths), np.int32), np.array(drawn), (rows >= 0) * 1.0

    def of_epoch(self, seed, epoch):
        return Drawn(self.rows, (seed, epoch))


def test_what_a_row_draws_depends_on_seed_epoch_and_row_alone():
    def drawn(batch_tokens, epoch, start=0, rows=range(3, 40), seed=7):
        made = Drawn(40).take(np.array(rows))
        batches = Batches(made, batch_tokens, seed=seed)
        found = zip(batches.rows(epoch)[start:], batches.iterate(epoch, start), strict=True)
        return {
            rows[row]: int(label)
            for numbers, (_, labels, _) in found
            for row, label in zip(numbers, labels, strict=False)
        }

    whole = drawn(32, epoch=2)
    assert drawn(8, epoch=2) == whole
    assert drawn(32, epoch=2, rows=range(39, 2, -1)) == whole
    resumed = drawn(32, epoch=2, start=2)
    assert resumed.items() <= whole.items()
    assert drawn(32, epoch=3) != whole != drawn(32, epoch=2, seed=8)


def test_rows_of_several_examples_stand_in_one_batch_in_any_order():
    ids = Tokens(Ragged.from_rows([[1], [2, 2, 2, 2, 2]]), "tokens", fill=4)
    others = Tokens(Ragged.from_rows([[3, 3, 3], [4]]), "others", fill=-1)
    more = ColumnExamples(
        {"token_ids": ids, "padding_mask": IsReal(ids, "bool"), "other_ids": others},
        {"class": Values(np.array([3, 4], np.int32)), "vector": Values(np.ones((2, 2)), -1)},
        {"class": Values(np.array([2, 3], np.float32)), "vector": IsReal(others)},
    )
    first, both = examples(), Concatenated([examples(), more])
    assert len(both) == 5
    assert both.lengths.tolist() == [*first.lengths.tolist(), [1, 3], [5, 1]]
    widths, order = (5, 3), [4, 1, -1, 3, 0, 2]
    found = both.batch(np.array(order), widths)
    for place, row in enumerate(order):
        part, own = (first, row) if row < 3 else (more, row - 3)
        for of, alone in zip(found, part.batch(np.array([own]), widths), strict=True):
            assert of.keys() == alone.keys()
            for name in of:
                np.testing.assert_array_equal(of[name][place], alone[name][0])
                assert of[name].dtype == alone[name].dtype
    taken = both.take(np.array([3, 0])).batch(np.array([0]), widths)
    assert taken[0]["token_ids"].tolist() == [[1, 4, 4, 4, 4]]


def test_each_of_several_examples_draws_as_it_does_alone():
    tokenizer = SimpleNamespace(special_ids={"pad": 0, "mask": 1}, vocab_size=40)
    rows = [Ragged.from_rows([range(5 + i, 15 + i) for i in range(n)]) for n in (4, 6)]
    parts = [MaskedTokens().examples([of], [tokenizer], Template("a", "a b")) for of in rows]
    both = Concatenated(parts)
    for epoch in (0, 1):
        widths = both.lengths.max(axis=0)
        inputs, labels, _ = both.of_epoch(3, epoch).batch(np.arange(10), widths)
        alone = [part.of_epoch(3, epoch).batch(np.arange(len(part)), widths) for part in parts]
        for own, name in ((inputs, "token_ids"), (labels, "masked_lm")):
            index = 0 if own is inputs else 1
            expected = np.concatenate([one[index][name] for one in alone])
            np.testing.assert_array_equal(own[name], expected)


def test_examples_of_other_axes_are_refused():
    other = ColumnExamples(Values(np.zeros(3)), Values(np.zeros(3)), Values(np.zeros(3)))
    with pytest.raises(ValueError, match=r"axes \('tokens', 'others'\) and \(\)"):
        Concatenated([examples(), other])

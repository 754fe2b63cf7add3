"""Masked tokens, choices and contrast: draws, shapes, and losses by their formulas."""

import numpy as np
import pytest
from tokenizer_texts import LETTERS as PIECES

from tftransformer.core import Ragged
from tftransformer.objectives import Choices, Contrast, MaskedTokens
from tftransformer.objectives.drawing import uniform
from tftransformer.objectives.masked_tokens import span_lengths
from tftransformer.text import Template, WordPieceTokenizer
from tftransformer.training.candidates import ChoiceCrossEntropy, ContrastiveLoss


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(PIECES)


def examples(tokenizer, rows=300, **options):
    random = np.random.default_rng(2)
    ids = [random.integers(5, len(PIECES), random.integers(5, 40)).tolist() for _ in range(rows)]
    column = Ragged.from_rows(ids)
    return MaskedTokens(**options).examples([column], [tokenizer], Template.bert())


def whole_batch(made, rows):
    return made.batch(np.asarray(rows), made.lengths.max(axis=0).tolist())


def test_shares_are_those_of_the_paper_and_special_tokens_stay(tokenizer):
    made = examples(tokenizer)
    inputs, labels, weights = whole_batch(made, range(len(made)))
    places, real = inputs["mask_positions"], weights["masked_lm"] > 0
    hidden = np.take_along_axis(inputs["token_ids"], places, axis=1)[real]
    truth = labels["masked_lm"][real]
    assert abs(real.sum() / made.lengths[:, 0].sum() - 0.15) < 0.01
    assert abs(np.mean(hidden == 4) - 0.8) < 0.03
    assert abs(np.mean(hidden == truth) - 0.1) < 0.03
    assert truth.min() >= 5  # nothing special is asked for
    assert not np.isin(hidden[hidden != 4], range(5)).any()  # nor put in
    for row in np.where(real, places, -1):  # each place once
        chosen = row[row >= 0]
        assert len(set(chosen.tolist())) == len(chosen)


def test_a_draw_depends_on_seed_epoch_and_row_alone(tokenizer):
    made = examples(tokenizer)
    of_epoch = made.of_epoch(3, 7)
    whole = whole_batch(of_epoch, range(20))[0]["token_ids"]
    turned = whole_batch(made.of_epoch(3, 7), range(19, -1, -1))[0]["token_ids"]
    np.testing.assert_array_equal(whole, turned[::-1])
    taken = of_epoch.take(np.arange(10, 20)).of_epoch(3, 7)
    part = taken.batch(np.arange(10), made.lengths.max(axis=0).tolist())[0]["token_ids"]
    np.testing.assert_array_equal(part, whole[10:])
    for other in (made.of_epoch(3, 8), made.of_epoch(4, 7)):
        assert (whole_batch(other, range(20))[0]["token_ids"] != whole).any()


def test_whole_words_are_hidden_together(tokenizer):
    made = examples(tokenizer, whole_words=True, share=0.3)
    inputs, _, weights = whole_batch(made, range(len(made)))
    chosen = np.zeros(inputs["token_ids"].shape, bool)
    for row, (places, real) in enumerate(
        zip(inputs["mask_positions"], weights["masked_lm"] > 0, strict=True)
    ):
        chosen[row, places[real]] = True
    ids = made._examples.inputs["token_ids"].batch(
        np.arange(len(made)), {"tokens": chosen.shape[1]}
    )
    goes_on = ids >= 13
    same_word = goes_on[:, 1:] & (ids[:, :-1] >= 5)
    split = (chosen[:, 1:] != chosen[:, :-1]) & same_word
    # A row whose words are all too long hides one piece of one.
    assert split.any(axis=1).mean() < 0.1
    assert (chosen.sum(axis=1) > 0).all()
    assert (chosen.sum(axis=1) <= made.lengths[:, 1]).all()


def by_hand(ids, goes_on, draw, row, share=0.15, spans=True):
    """Places of a row that have to be guessed, and the place whose draw decides what each becomes.

    Special ids are below 5; `goes_on` says which tokens go on with a word.
    """
    width = len(ids)
    first, kind, length = (uniform(draw, np.array([row]), width, i)[0] for i in (0, 1, 3))
    odds = np.array([0.2 * 0.8**n for n in range(10)])
    words = []
    for place, token in enumerate(ids):
        if token < 5:
            words.append(None)
        elif goes_on[place] and place and words[-1] is not None:
            words[-1].append(place)
            words.append(words[-1])
        else:
            words.append([place])
    ordinary = [place for place in range(width) if ids[place] >= 5]
    budget = max(1, round(width * share))
    leader = {}
    for place in sorted(ordinary, key=lambda place: first[place]):
        number, count = place, 1
        while spans and count < 10 and length[place] >= odds[:count].sum() / odds.sum():
            count += 1
        for _ in range(count):
            if number >= width or words[number] is None:
                break
            word = words[number]
            if word[0] in leader or len(leader) + len(word) > budget:
                break
            leader |= dict.fromkeys(word, place)
            number = word[-1] + 1
    if not leader and ordinary:
        place = min(ordinary, key=lambda place: first[place])
        leader = {place: place}
    return {place: kind[by if spans else place] for place, by in leader.items()}


@pytest.mark.parametrize("spans", [True, False])
def test_spans_and_whole_words_equal_a_plain_loop(tokenizer, spans):
    made = examples(tokenizer, spans=spans, whole_words=True).of_epoch(3, 5)
    plain = made._examples.inputs["token_ids"]
    inputs, _, weights = whole_batch(made, range(len(made)))
    for row in range(len(made)):
        ids = plain.batch(np.array([row]), {"tokens": int(plain.lengths("tokens")[row])})[0]
        expected = by_hand(ids, ids >= 13, (3, 5), row, spans=spans)
        places = inputs["mask_positions"][row, weights["masked_lm"][row] > 0]
        assert places.tolist() == sorted(expected)
        for place, kind in expected.items():
            found = inputs["token_ids"][row, place]
            if kind < 0.8:
                assert found == 4
            elif kind < 0.9:
                assert found >= 5
            else:
                assert found == ids[place]


def test_lengths_of_spans_are_those_of_the_paper():
    drawn = span_lengths(np.random.default_rng(0).random(100_000))
    assert abs(drawn.mean() - 3.8) < 0.03  # Joshi et al. 2020, §3.1
    assert (drawn.min(), drawn.max()) == (1, 10)


def test_two_texts_hide_tokens_of_both(tokenizer):
    columns = [Ragged.from_rows([[5] * 20] * 50), Ragged.from_rows([[6] * 20] * 50)]
    made = MaskedTokens().examples(columns, [tokenizer] * 2, Template.bert())
    inputs, labels, weights = whole_batch(made, range(50))
    real = weights["masked_lm"] > 0
    assert {5, 6} == set(labels["masked_lm"][real].tolist())
    assert inputs["segment_ids"].max() == 1


def test_rows_of_fill_hide_nothing(tokenizer):
    inputs, _, weights = examples(tokenizer).batch(np.array([-1]), [6, 2])
    assert not inputs["padding_mask"].any()
    assert not weights["masked_lm"].any()


def test_choices_are_rows_beside_each_other_and_the_context_is_cut(tokenizer):
    context = Ragged.from_rows([[5, 6, 7, 8, 9, 10], [5]])
    columns = [context, [["a b", "c"], ["d", "e", "f g"]], [1, 2]]
    made = Choices(max_length=8).examples(columns, [tokenizer], Template.bert())
    assert made.lengths.tolist() == [[8, 2], [6, 3]]
    inputs, labels, weights = made.batch(np.array([0, 1, -1]), (8, 3))
    assert inputs["token_ids"][0, 0].tolist() == [2, 5, 6, 7, 3, 5, 6, 3]
    assert inputs["segment_ids"][0, 1].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert not inputs["padding_mask"][0, 2].any()
    expected = [[0, 1, -1], [0, 0, 1], [-1, -1, -1]]
    assert labels["multiple_choice"].tolist() == expected
    assert weights["multiple_choice"].tolist() == [1, 1, 0]
    with pytest.raises(ValueError, match="the answer of a row is 2, of 2 choices"):
        Choices().examples([context, columns[1], [2, 0]], [tokenizer], Template.bert())


def test_a_choice_that_is_none_does_not_count():
    labels = np.array([[1.0, 0, -1]])
    loss = ChoiceCrossEntropy()
    one, other = (loss.call(labels, np.array([[1.0, 2, x]], "float32")) for x in (0.0, 50.0))
    np.testing.assert_allclose(one, np.log(1 + np.e), rtol=1e-6)
    np.testing.assert_allclose(one, other)


def test_contrast_equals_its_formula_and_equal_positives_are_no_negatives(tokenizer):
    columns = [Ragged.from_rows([[5], [6], [7]]), Ragged.from_rows([[8], [8], [9]])]
    made = Contrast().examples(columns, [tokenizer], Template.bert())
    inputs, labels, _ = made.batch(np.array([0, 1, 2, -1]), (3,))
    assert inputs["token_ids"].shape == (4, 2, 3)
    assert labels["embedding"].tolist() == [1, 1, 2, 0]
    vectors = np.random.default_rng(0).normal(size=(4, 2, 5)).astype("float32")
    found = np.asarray(ContrastiveLoss(0.5).call(labels["embedding"], vectors))
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    scores = unit[:, 0] @ unit[:, 1].T / 0.5
    for row, candidates in enumerate([[0, 2], [1, 2], [0, 1, 2]]):
        own = scores[row, row]
        expected = np.log(np.exp(scores[row, candidates]).sum()) - own
        np.testing.assert_allclose(found[row], expected, rtol=1e-5)
    assert np.isfinite(found).all()

"""Perplexity over rows of logits."""

import math

import numpy as np
import pytest

from tftransformer.scores import perplexity_scores


@pytest.fixture
def rows():
    """Logits (5, 6, 9), and labels of which some do not count."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 9, (5, 6))
    labels[random.random((5, 6)) < 0.3] = -100
    return random.normal(size=(5, 6, 9)) * 3, labels


def test_it_is_what_the_softmax_says(rows):
    logits, labels = rows
    scores = perplexity_scores(logits, labels, words=7, characters=40)
    odds = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    own = [odds[i, j, labels[i, j]] for i, j in zip(*np.nonzero(labels != -100), strict=True)]
    loss = -np.mean(np.log(own))
    assert scores["tokens"] == len(own)
    assert scores["loss"] == pytest.approx(loss)
    assert scores["perplexity"] == pytest.approx(np.exp(loss))
    assert scores["bits_per_token"] == pytest.approx(-np.mean(np.log2(own)))
    assert scores["word_perplexity"] == pytest.approx(np.prod(own) ** (-1 / 7))
    assert scores["bits_per_character"] == pytest.approx(-np.log2(np.prod(own)) / 40)
    assert scores["accuracy"] == np.mean((logits.argmax(-1) == labels)[labels != -100])


def test_how_rows_are_cut_and_ordered_does_not_matter(rows):
    logits, labels = rows
    whole = perplexity_scores(logits, labels)
    cut = [
        (logits[i, part], labels[i, part]) for i in range(5) for part in np.split(np.arange(6), [2])
    ]
    pieces = perplexity_scores(*zip(*cut[::-1], strict=True))
    assert pieces == pytest.approx(whole)
    lazy = perplexity_scores((row + 1000 for row in logits), iter(labels))  # softmax ignores shifts
    assert lazy == pytest.approx(whole)
    float32 = perplexity_scores(logits.astype("float32"), labels.astype("int32"))
    assert float32["loss"] == pytest.approx(whole["loss"], rel=1e-6)


def test_what_is_impossible_costs_infinitely_much():
    scores = perplexity_scores([[[0.0, -np.inf]]], [[1]], words=1)
    assert scores["loss"] == scores["perplexity"] == scores["word_perplexity"] == math.inf
    assert perplexity_scores([[[2e4, 0.0]]], [[1]])["perplexity"] == math.inf


def test_another_label_may_be_ignored():
    scores = perplexity_scores([[[0.0, 0.0], [9.0, 0.0]]], [[1, 0]], ignore=0)
    assert (scores["tokens"], scores["perplexity"]) == (1, pytest.approx(2))


@pytest.mark.parametrize(
    ("logits", "labels", "said"),
    [
        ([[[0.0, 1.0]]], [[-100]], "No token counts"),
        ([], [], "No token counts"),
        ([[[0.0, 1.0]]], [[0], [1]], "as many rows"),
        ([[[0.0, 1.0]], [[0.0, 1.0]]], [[0]], "as many rows"),
        (
            [[[0.0, 1.0]]],
            [[0, 1]],
            r"Row 0 has logits of shape \(1, 2\) and labels of shape \(2,\)",
        ),
        ([[0.0, 1.0]], [0], "expected"),
        ([[[0.0, 1.0]]], [[2]], "Label 2 of row 0 is outside the vocabulary of 2"),
        ([[[0.0, 1.0]]], [[-1]], "Label -1"),
        ([[[0.0, 1.0]]], [[1.0]], "float64: expected ids"),
        ([[[0.0, np.nan]]], [[1]], "row 0 are not all numbers"),
        ([[[0.0, np.inf]]], [[1]], "not all numbers"),
        ([[[-np.inf, -np.inf]]], [[1]], "no logit above"),
    ],
)
def test_bad_input_is_named(logits, labels, said):
    with pytest.raises(ValueError, match=said):
        perplexity_scores(logits, labels)


def test_counts_of_words_are_checked():
    with pytest.raises(ValueError, match="words=0"):
        perplexity_scores([[[0.0, 1.0]]], [[1]], words=0)

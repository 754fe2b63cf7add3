"""Scores of retrieval: ranks among different texts, and what a tie is worth."""

import numpy as np
import pytest

from tftransformer.tasks.retrieval import retrieval_scores, tfidf_similarities


def test_equal_texts_of_the_corpus_count_once():
    similarities = np.array([[0.5, 0.9, 0.9], [0.1, 0.2, 0.3], [0.0, 0.4, 0.2]])
    found = retrieval_scores(similarities, ["a", "b", "b"])
    assert found == {"accuracy": pytest.approx(2 / 3), "mrr": pytest.approx((0.5 + 1 + 1) / 3)}


def test_who_cannot_tell_texts_apart_finds_no_more_than_chance():
    others = ["a", "b", "c", "c"]
    found = retrieval_scores(np.zeros((4, 4)), others)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    found = retrieval_scores(np.array([[0.5, 0.9, 0.5], [0.1, 0.7, 0.2], [0.5] * 3]), others[:3])
    assert found["accuracy"] == pytest.approx((0 + 1 + 1 / 3) / 3)
    assert found["mrr"] == pytest.approx(((1 / 2 + 1 / 3) / 2 + 1 + (1 + 1 / 2 + 1 / 3) / 3) / 3)
    unlike = tfidf_similarities(["ab", "cd"], ["xy", "zw"])
    assert retrieval_scores(unlike, ["xy", "zw"])["accuracy"] == 0.5

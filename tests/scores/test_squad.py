"""Exact match and F1 of answers, and the thresholds of version 2."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tftransformer.scores import squad_scores

ANSWERS = st.lists(
    st.sampled_from(["the dog", "dog", "a", "New York City", "York"]), max_size=3, unique=True
)
FOUND = st.sampled_from(["", "dog", "The Dog!", "York", "a", "the new city"])
ROWS = st.lists(st.tuples(ANSWERS, FOUND, st.floats(0, 1)), min_size=1, max_size=8)


def test_case_articles_and_punctuation_do_not_count():
    scores = squad_scores([["The U.S."]], ["us"])
    assert (scores["exact"], scores["f1"]) == (100, 100)
    assert squad_scores([["“us”"]], ["us"])["exact"] == 0  # of punctuation, ASCII's alone


def test_the_best_answer_counts_by_itself_for_either_figure():
    assert squad_scores([["x y", "y"]], ["y x"])["each"] == [(0.0, 1.0)]


def test_an_answer_of_an_article_equals_none_in_version_2_alone():
    assert squad_scores([["the"]], ["a"])["each"] == [(1.0, 0.0)]
    assert squad_scores([["the"]], [""], version=2)["each"] == [(1.0, 1.0)]


def test_a_question_without_answer_wants_none():
    scores = squad_scores([[], [], ["x"]], ["", "y", "x"], version=2)
    assert scores["each"] == [(1.0, 1.0), (0.0, 0.0), (1.0, 1.0)]
    assert scores["without_answer"] == {"exact": 50.0, "f1": 50.0, "total": 2}
    assert scores["with_answer"] == {"exact": 100.0, "f1": 100.0, "total": 1}
    assert "without_answer" not in squad_scores([["x"]], ["x"], version=2)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_questions_does_not_matter(rows, random):
    assume(len({sure for *_, sure in rows}) == len(rows))  # among equals the script's order counts

    def score(rows):
        true, predicted, sure = zip(*rows, strict=True)
        scores = squad_scores(true, predicted, version=2, no_answer=sure, threshold=0.5)
        assert all(0 <= x <= 1 for pair in scores["each"] for x in pair)
        return {key: value for key, value in scores.items() if key != "each"}

    mixed, plain = score(random.sample(rows, len(rows))), score(rows)
    for key, value in plain.items():
        assert mixed[key] == pytest.approx(value)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_the_best_threshold_is_the_best_of_all(rows):
    true, predicted, sure = zip(*rows, strict=True)
    assume(len(set(sure)) == len(sure))
    # "a" where nothing was asked for: −1 to the script, right once articles are gone.
    assume("a" not in predicted)

    def at(threshold, key):
        scores = squad_scores(true, predicted, version=2, no_answer=sure, threshold=threshold)
        return scores[key]

    scores = squad_scores(true, predicted, version=2, no_answer=sure)
    for key in ("exact", "f1"):
        best = max(at(threshold, key) for threshold in (-1.0, *sure))
        assert scores[f"best_{key}"] == pytest.approx(best)
        if scores[f"best_{key}_threshold"]:
            assert at(scores[f"best_{key}_threshold"], key) == pytest.approx(best)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: squad_scores([["a"]], []), "true has 1 rows and predicted 0"),
        (lambda: squad_scores(["a"], ["a"]), r"true\[0\] is 'a': expected a list"),
        (lambda: squad_scores([[]], [""]), "only version=2"),
        (lambda: squad_scores([["a"]], [None]), r"predicted\[0\] is None"),
        (lambda: squad_scores([[3]], ["a"]), r"true\[0\] is 3"),
        (lambda: squad_scores([["a"]], ["a"], version=3), "version=3"),
        (lambda: squad_scores([["a"]], ["a"], no_answer=[0.1]), "for version=2"),
        (lambda: squad_scores([["a"]], ["a"], version=2, no_answer=[]), "0 figures in no_answer"),
        (lambda: squad_scores([["a"]], ["a"], version=2, no_answer=[math.nan]), "no_answer=nan"),
        (lambda: squad_scores([["a"]], ["a"], version=2, threshold=math.nan), "threshold=nan"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()

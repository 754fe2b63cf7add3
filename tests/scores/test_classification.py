"""Labels and numbers, against scikit-learn's own figures."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from tftransformer.scores import classification_scores

LABELS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=12
)
TABLE = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.tuples(*[st.lists(st.integers(0, 1), min_size=width, max_size=width)] * 2),
        min_size=1,
        max_size=8,
    )
)
KEYS = ("precision", "recall", "f1")


def plain(function, *arguments, **options):
    """A figure of scikit-learn, without its warnings of what was never predicted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@settings(deadline=None, max_examples=50)
@given(LABELS)
def test_labels_equal_scikit_learn(rows):
    true, predicted = map(list, zip(*rows, strict=True))
    scores = classification_scores(true, predicted)
    assert list(scores["labels"]) == sorted({*true, *predicted})
    report = plain(
        metrics.classification_report, true, predicted, output_dict=True, zero_division=0
    )
    for found, name in [(scores[key], f"{key} avg") for key in ("macro", "weighted")] + [
        (figures, label) for label, figures in scores["labels"].items()
    ]:
        expected = [report[name][key] for key in ("precision", "recall", "f1-score")]
        assert [found[key] for key in KEYS] == pytest.approx(expected)
    assert scores["confusion"] == plain(metrics.confusion_matrix, true, predicted).tolist()
    for name, function in (
        ("accuracy", metrics.accuracy_score),
        ("balanced_accuracy", metrics.balanced_accuracy_score),
        ("matthews", metrics.matthews_corrcoef),
    ):
        assert scores[name] == pytest.approx(plain(function, true, predicted)), name


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(TABLE)
def test_rows_of_labels_equal_scikit_learn(rows):
    true, predicted = (np.array(side) for side in zip(*rows, strict=True))
    scores = classification_scores(true, predicted, "several")
    assert scores["subset_accuracy"] == pytest.approx(np.mean((true == predicted).all(axis=1)))
    assert scores["hamming_loss"] == pytest.approx(np.mean(true != predicted))
    for average in ("micro", "macro"):
        for key, function in zip(
            KEYS, (metrics.precision_score, metrics.recall_score, metrics.f1_score), strict=True
        ):
            options = {"average": average} if true.shape[1] > 1 else {}  # one class is "binary"
            expected = function(true, predicted, zero_division=0, **options)
            assert scores[average][key] == pytest.approx(expected), (average, key)
    names = ["red", 2, None, (1, 2)][: true.shape[1]]
    lists = [
        [[name for name, on in zip(names, row, strict=True) if on] for row in side]
        for side in (true, predicted)
    ]
    assert classification_scores(*lists, "several", classes=names) == scores


NUMBERS = st.floats(-100, 100).map(lambda x: round(x, 1))


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12))
def test_numbers_equal_scikit_learn_and_scipy(rows):
    true, predicted = zip(*rows, strict=True)
    scores = classification_scores(true, predicted, "numbers")
    assert scores["mse"] == pytest.approx(metrics.mean_squared_error(true, predicted))
    assert scores["mae"] == pytest.approx(metrics.mean_absolute_error(true, predicted))
    assert scores["r2"] == pytest.approx(metrics.r2_score(true, predicted))
    for name, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        expected = np.nan_to_num(plain(function, true, predicted).statistic)
        assert scores[name] == pytest.approx(expected, abs=1e-9)
    two = classification_scores(*(np.stack([x, x], 1) for x in (true, predicted)), "numbers")
    assert two == pytest.approx(scores)


@settings(deadline=None, max_examples=50)
@given(LABELS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    mixed = random.sample(rows, len(rows))
    assert classification_scores(*zip(*rows, strict=True)) == classification_scores(
        *zip(*mixed, strict=True)
    )


def test_labels_may_be_of_any_type_and_rows_of_any_kind():
    scores = classification_scores(pd.Series([1, "one", None], index=[5, 6, 7]), [1, None, None])
    assert list(scores["labels"]) == [1, "one", None]
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert classification_scores(np.array(["a", "b"]), ["a", "b"])["matthews"] == 1


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["a"], ["a", "b"]), {}, "true has 1 rows and predicted 2"),
        (([], []), {}, "at least one"),
        (("ab", "ab"), {}, "true='ab'"),
        ((["a", float("nan")], ["a", "a"]), {}, "NaN, which equals nothing"),
        ((["a"], ["a"], "plural"), {}, "kind='plural'"),
        ((["a"], ["a"]), {"classes": ["a"]}, "for kind='several'"),
        (([1.0, 2.0], [1.0, float("nan")], "numbers"), {}, r"predicted\[1\] is nan"),
        (([1.0, "two"], [1.0, 2.0], "numbers"), {}, "true: expected a number"),
        (([1.0], [[1.0, 2.0]], "numbers"), {}, "1 true numbers and 2 predicted"),
        (([["a"]], [["a"]], "several"), {}, "or name `classes`"),
        (([[0, 2]], [[0, 1]], "several"), {}, "true: expected rows of 0 and 1"),
        (([[0, 1]], [[1]], "several"), {}, "true has 2 classes and predicted 1"),
        (([["a"]], [["b"]], "several"), {"classes": ["a"]}, r"predicted\[0\] has 'b'"),
    ],
)
def test_bad_input_is_named(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        classification_scores(*arguments, **options)

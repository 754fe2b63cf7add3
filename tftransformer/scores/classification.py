"""Scores of labels and numbers."""

import contextlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import check_choice
from tftransformer.scores.ratios import matching_rows, mean_of, of_counts, ratio

KINDS = ("single", "several", "numbers")


def classification_scores(
    true: Sequence[Any],
    predicted: Sequence[Any],
    kind: str = "single",
    *,
    classes: Sequence[Hashable] | None = None,
) -> dict[str, Any]:
    """Scores labels, rows of labels or numbers, as scikit-learn counts them.

    A score without anything to divide by is 0. The mean over classes (`macro`) includes those that
    occur on either side, balanced accuracy (Brodersen et al. 2010) those that occur among the true
    labels.

    Args:
        true: the true value of each row: a label of any hashable type ("single"); a list of labels
            or, without `classes`, of 0 and 1 for each class ("several"); a number or a list of
            numbers ("numbers").
        predicted: the predicted values, in the same form.
        kind: "single", "several" or "numbers", as `TextClassifier` has it.
        classes: for "several", all labels that there are, in the order of the means.

    Returns:
        dict of floats and dicts of them.
        single: `accuracy`, `labels` (for each: `precision`, `recall`, `f1`, `support`),
        `confusion` (rows are what is true, in the order of `labels`), `macro` and `weighted`
        (`precision`, `recall`, `f1`), `balanced_accuracy`, `matthews` (Gorodkin 2004).
        several: `subset_accuracy`, `hamming_loss`, `micro`, `macro`.
        numbers: `mse`, `mae`, `pearson`, `spearman`, `r2`, each the mean of the columns.

    Raises:
        ValueError: if the sides differ in length, nothing is to be scored, a number is not
            finite, or a row does not fit the kind.

    Example:
        >>> scores = classification_scores(["yes", "no", "no"], ["yes", "no", "yes"])
        >>> round(scores["accuracy"], 3), scores["confusion"]
        (0.667, [[1, 1], [0, 1]])
    """
    check_choice(KINDS, kind=kind)
    if classes is not None and kind != "several":
        raise ValueError(f"classes are for kind='several'; kind is {kind!r}.")
    true, predicted = matching_rows(true, predicted, "labels" if kind != "numbers" else "numbers")
    if kind == "single":
        return _single(true, predicted)
    if kind == "several":
        return _several(_indicators(true, classes, "true"), _indicators(predicted, classes))
    return _numbers(_numbers_of(true, "true"), _numbers_of(predicted, "predicted"))


def _single(true: Sequence[Any], predicted: Sequence[Any]) -> dict[str, Any]:
    names = list(dict.fromkeys([*true, *predicted]))
    if any(name != name for name in names):
        raise ValueError("A label is NaN, which equals nothing: give missing labels a name.")
    with contextlib.suppress(TypeError):  # of several types they stay in the order of their coming
        names = sorted(names)
    number = {name: index for index, name in enumerate(names)}
    rows, found = (np.array([number[label] for label in side]) for side in (true, predicted))
    size = len(names)
    confusion = np.bincount(rows * size + found, minlength=size * size).reshape(size, size)
    right, columns, support = confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)
    each = [of_counts(*counts) for counts in zip(right, columns, support, strict=True)]
    recall = np.array([figures["recall"] for figures in each])
    return {
        "accuracy": float(right.sum() / len(rows)),
        "labels": {
            name: {**figures, "support": int(count)}
            for name, figures, count in zip(names, each, support, strict=True)
        },
        "confusion": confusion.tolist(),
        "macro": mean_of(each),
        "weighted": mean_of(each, support),
        "balanced_accuracy": float(np.mean(recall[support > 0])),
        "matthews": _matthews(right.sum(), columns.astype(float), support.astype(float)),
    }


def _matthews(right: float, predicted: np.ndarray, true: np.ndarray) -> float:
    """Correlation of labels, from how many are right, predicted and true of each."""
    total = true.sum()
    spread = (total**2 - predicted @ predicted) * (total**2 - true @ true)
    return ratio(right * total - predicted @ true, np.sqrt(spread))


def _indicators(
    rows: Sequence[Any], classes: Sequence[Hashable] | None, side: str = "predicted"
) -> np.ndarray:
    """Rows of labels as 0 and 1, (rows, classes)."""
    if classes is None:
        try:
            table = np.asarray(rows, dtype=float)
        except (TypeError, ValueError):
            table = np.empty(0)
        if table.ndim != 2 or not table.size or not np.isin(table, (0, 1)).all():
            raise ValueError(f"{side}: expected rows of 0 and 1, or name `classes`.")
        return table.astype(int)
    if not classes:
        raise ValueError("classes is empty: name all labels that there are.")
    column: Mapping[Hashable, int] = {label: index for index, label in enumerate(classes)}
    table = np.zeros((len(rows), len(column)), int)
    for index, labels in enumerate(rows):
        for label in labels:
            if label not in column:
                raise ValueError(f"{side}[{index}] has {label!r}, which is none of the classes.")
            table[index, column[label]] = 1
    return table


def _several(true: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    if true.shape != predicted.shape:
        raise ValueError(
            f"true has {true.shape[1]} classes and predicted {predicted.shape[1]}: expected the "
            "same."
        )
    same = true == predicted
    counts = ((true & predicted).sum(axis=0), predicted.sum(axis=0), true.sum(axis=0))
    each = [of_counts(*column) for column in zip(*counts, strict=True)]
    return {
        "subset_accuracy": float(np.mean(same.all(axis=1))),
        "hamming_loss": float(1 - np.mean(same)),
        "micro": of_counts(*(float(column.sum()) for column in counts)),
        "macro": mean_of(each),
    }


def _numbers_of(rows: Sequence[Any], side: str) -> np.ndarray:
    """Numbers as float64, (rows, columns)."""
    try:
        table = np.asarray(rows, dtype=float).reshape(len(rows), -1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{side}: expected a number, or as many numbers, in each row.") from error
    odd = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if odd.size:
        raise ValueError(f"{side}[{odd[0]}] is {rows[odd[0]]!r}: expected finite numbers.")
    return table


def _numbers(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    if true.shape != predicted.shape:
        raise ValueError(
            f"A row has {true.shape[1]} true numbers and {predicted.shape[1]} predicted ones."
        )
    from sklearn.metrics import r2_score

    columns = list(zip(true.T, predicted.T, strict=True))
    ranks = [(_ranks(one), _ranks(other)) for one, other in columns]
    return {
        "mse": float(np.mean((true - predicted) ** 2)),
        "mae": float(np.mean(np.abs(true - predicted))),
        "pearson": float(np.mean([_correlation(*pair) for pair in columns])),
        "spearman": float(np.mean([_correlation(*pair) for pair in ranks])),
        "r2": float(r2_score(true, predicted)) if len(true) > 1 else 0.0,
    }


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in rising order; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation, 0 where one side never changes."""
    if (one == one[0]).all() or (other == other[0]).all():
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    return ratio(float(one @ other), float(np.linalg.norm(one) * np.linalg.norm(other)))

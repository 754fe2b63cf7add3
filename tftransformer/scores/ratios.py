"""What all scores share: precision, recall and F1 of counts, and checks of what comes in."""

from collections.abc import Iterable, Mapping
from typing import Any


def ratio(part: float, whole: float) -> float:
    """`part / whole`, and 0 if there is nothing to divide by."""
    return float(part / whole) if whole else 0.0


def harmonic_mean(precision: float, recall: float) -> float:
    """F1 of precision and recall (van Rijsbergen 1979), 0 where both are 0."""
    return ratio(2 * precision * recall, precision + recall)


def of_counts(matched: float, predicted: float, true: float, scale: float = 1) -> dict[str, float]:
    """Precision, recall and F1 of counts, each 0 if there is nothing to divide by.

    Args:
        matched: how many are predicted and true.
        predicted: how many are predicted.
        true: how many are true.
        scale: what a perfect score is, 1 or 100.
    """
    precision, recall = ratio(matched, predicted), ratio(matched, true)
    f1 = harmonic_mean(precision, recall)
    return {"precision": scale * precision, "recall": scale * recall, "f1": scale * f1}


def mean_of(
    each: Iterable[Mapping[str, float]], weights: Iterable[float] | None = None
) -> dict[str, float]:
    """Precision, recall and F1 as the mean of several, which weigh the same or as is said."""
    each = list(each)
    shares = [1.0] * len(each) if weights is None else list(weights)
    return {
        key: ratio(sum(w * one[key] for w, one in zip(shares, each, strict=True)), sum(shares))
        for key in ("precision", "recall", "f1")
    }


def matching_rows(true: Any, predicted: Any, what: str) -> tuple[list[Any], list[Any]]:
    """Both sides as lists.

    Raises:
        ValueError: unless there are as many predictions as rows, and at least one.
    """
    for name, rows in (("true", true), ("predicted", predicted)):
        if isinstance(rows, str) or not hasattr(rows, "__len__"):
            raise ValueError(f"{name}={rows!r}: expected {what}, one for each row, in a list.")
    if len(true) != len(predicted) or not len(true):
        raise ValueError(
            f"true has {len(true)} rows and predicted {len(predicted)}: expected as many {what} "
            "on both sides, and at least one."
        )
    return list(true), list(predicted)


def check_text(name: str, row: int, text: Any) -> None:
    """Raises a ValueError that names the row where a text is none."""
    if not isinstance(text, str):
        raise ValueError(f"{name}[{row}] is {text!r}, not a string.")

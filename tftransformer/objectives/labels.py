"""Labels: what may be one, what rows of one weigh, how errors list them."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import is_number, require

SAVED = (str, int, float, bool, type(None))
LISTED = 8

ClassWeight = Mapping[Hashable, float] | str | None


def check_saved(labels: Iterable[Any]) -> None:
    """Raises a ValueError for a label that JSON could not give back as it was."""
    for label in labels:
        if type(label) not in SAVED:
            raise ValueError(
                f"label {label!r} is of type {type(label).__name__}, which cannot be saved: "
                "labels to be saved are strings, whole numbers, floats, booleans or None. Turn "
                "the column into one of these, such as frame[column].map(str)."
            )


def check_distinct(labels: Sequence[str]) -> None:
    """Raises a ValueError where two labels of a trained head have one name."""
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise ValueError(f"two labels of the trained head are called {twice!r}: rename one.")


def check_class_weight(class_weight: ClassWeight) -> None:
    """Raises a ValueError for a word that is not "balanced", or weights below 0."""
    if isinstance(class_weight, str) and class_weight != "balanced":
        raise ValueError(f"class_weight={class_weight!r}: expected 'balanced', a dict or None.")
    for label, weight in class_weight.items() if isinstance(class_weight, Mapping) else ():
        fits = is_number(weight) and weight >= 0
        require(fits, f"class_weight[{label!r}]", weight, "a number ≥ 0")


def balanced_weights(counts: Any) -> np.ndarray:
    """Weights by which all classes weigh the same together, and a row 1 on average.

    Args:
        counts: int (classes,), how many rows each has; those without a row count for nothing.

    Returns:
        float32 array (classes,).

    >>> balanced_weights([6, 2, 0])
    array([0.6666667, 2.       , 4.       ], dtype=float32)
    """
    counts = np.asarray(counts, np.float64)
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return weights.astype(np.float32)


def listed(labels: Sequence[Any]) -> str:
    """The first few labels, for an error.

    >>> listed([1, "two"]), listed(range(9))
    ("1, 'two'", '0, 1, 2, 3, 4, 5, 6, 7, …')
    """
    return ", ".join([*map(repr, labels[:LISTED]), *["…"] * (len(labels) > LISTED)])

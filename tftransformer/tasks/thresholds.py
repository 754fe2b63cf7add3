"""From which probability on a label is answered, where a row may have several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import is_number

USUAL = 0.5


def is_threshold(value: Any) -> bool:
    """Whether a value is a number between 0 and 1, neither of them."""
    return is_number(value) and 0 < value < 1


def check_threshold(threshold: Any) -> None:
    """Raises a ValueError unless this is None, a threshold, or one for each of some labels."""
    each = threshold.values() if isinstance(threshold, Mapping) else [threshold]
    if threshold is not None and not all(map(is_threshold, each)):
        raise ValueError(
            f"threshold={threshold!r} was given; expected a number between 0 and 1, such as 0.3, "
            'or a dict with some by their labels, such as {"sports": 0.3}.'
        )


def thresholds_of(threshold: Any, classes: Sequence[Any]) -> np.ndarray:
    """Returns the threshold of each class, float32 (classes,).

    Args:
        threshold: one for all; or a mapping, whose keys may also be labels as JSON writes them,
            and which leaves others at 0.5.
        classes: the labels.

    Raises:
        ValueError: if a key is no label.
    """
    if not isinstance(threshold, Mapping):
        return np.full(len(classes), threshold, np.float32)
    known: dict[Any, int] = {str(label): i for i, label in enumerate(classes)}
    known |= {label: i for i, label in enumerate(classes)}
    found = np.full(len(classes), USUAL, np.float32)
    for label, value in threshold.items():
        if label not in known:
            raise ValueError(
                f"threshold names {label!r}, which is none of the labels: "
                f"{', '.join(map(repr, classes[:20]))}."
            )
        found[known[label]] = value
    return found


def best_thresholds(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the threshold of each class with the best F1 on some rows, float32 (classes,).

    It lies in the middle between two probabilities. A class that no row has stays at 0.5, as does
    one whose best F1 is that of 0.5.

    Args:
        probabilities: float (rows, classes).
        truth: bool (rows, classes).
    """
    found = np.full(probabilities.shape[1], USUAL, np.float32)
    for i, (scores, true) in enumerate(zip(probabilities.T, truth.T, strict=True)):
        order = np.argsort(-scores, kind="stable")
        ranked = np.append(scores[order], 0.0)
        hits = np.cumsum(true[order])
        f1 = 2 * hits / (np.arange(1, len(scores) + 1) + true.sum())
        usual = (scores >= USUAL).sum()
        reached = f1[usual - 1] if usual else 0.0
        f1[ranked[:-1] == ranked[1:]] = 0  # equal ones are answered together
        best = int(f1.argmax())
        if f1[best] > reached:
            middle = (ranked[best] + ranked[best + 1]) / 2
            found[i] = np.clip(middle, 1e-6, 1 - 1e-6)
    return found

"""Classification: one label for each row, or several at once."""

import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tftransformer.core import Ragged, check_choice, is_number, register, require
from tftransformer.objectives.columns import Column, MultiHot, Values
from tftransformer.objectives.labels import (
    ClassWeight,
    balanced_weights,
    check_class_weight,
    check_distinct,
    check_saved,
    listed,
)
from tftransformer.objectives.text_rows import SCORES, TextRows
from tftransformer.training.macro_f1 import MacroF1
from tftransformer.training.metrics import TokenAccuracy

RARE = 10  # rows; of rows with several labels, those below share a stratum


@register
class Classes(TextRows):
    """The class of a text; columns: one text or two, then the label.

    Labels may be any hashable values: strings, numbers, booleans, tuples, members of an enum. Equal
    labels must have the same type, unlike True and 1. Rows without a label are left out. With
    `several`, a row has a list or a set of labels, which may be empty, and each label is predicted
    independently.

    Args:
        several: whether a row may have any number of labels.
        class_weight: weight of a training row, by its label: a dict (labels not in it weigh 1), or
            `"balanced"`: all classes have the same total weight.
        ignore: labels whose rows get the weight 0.
        known: labels of a trained head, in the order of its logits. They are kept if they include
            all labels of the training rows; if they are called `LABEL_0`, `LABEL_1`, …, rows may
            also have the numbers. Otherwise the head is replaced.
        smoothing: smoothing of the loss of single labels: see `LabelSmoothedCrossEntropy`.
        output: see `TextRows`.
        judge_by: what the best epoch is chosen by, on validation rows: `"loss"`, `"accuracy"` or
            `"macro_f1"`.

    Attributes:
        classes_: the labels in the training rows, sorted if possible, otherwise in order of
            appearance; class `i` is logit `i`.
        counts_: number of training rows with each label.

    Example:

    >>> objective = Classes()
    >>> objective.fit([["pos", "neg", "pos"]])
    >>> objective.classes_, objective.counts_
    (['neg', 'pos'], [1, 2])
    """

    learns = "classes_"

    def __init__(
        self,
        several: bool = False,
        *,
        class_weight: ClassWeight = None,
        ignore: Sequence[Hashable] = (),
        known: Sequence[Hashable] = (),
        smoothing: float = 0.0,
        output: str | None = None,
        judge_by: str = "loss",
    ):
        super().__init__(output)
        check_class_weight(class_weight)
        if several and (class_weight is not None or smoothing):
            raise ValueError(
                "class_weight and smoothing are for single labels: leave them out with "
                "several=True."
            )
        fits = is_number(smoothing) and 0 <= smoothing < 1
        require(fits, "smoothing", smoothing, "a number from 0 to below 1")
        check_choice(SCORES, judge_by=judge_by)
        self.several = several
        self.class_weight = class_weight
        self.ignore = ignore
        self.known = known
        self.smoothing = smoothing
        self.judge_by = judge_by

    @property
    def num_outputs(self) -> int:
        """Number of logits: one for each class."""
        return len(self.classes_)

    def fit(self, columns: Sequence[list[Any]]) -> None:
        (given,) = columns
        labels = [label for labels in self._rows(given) for label in labels]
        _check_types(labels)
        counts = Counter(labels)
        for label in self.ignore:
            counts.pop(label, None)
        if not counts:
            raise ValueError("no row has a label to learn.")
        if len(counts) == 1 and not self.several:
            raise ValueError(
                f"all rows have the label {next(iter(counts))!r}: there is nothing to tell apart. "
                "Give rows of at least two classes."
            )
        if isinstance(self.class_weight, Mapping):
            unknown = [label for label in self.class_weight if label not in counts]
            if unknown:
                raise ValueError(f"class_weight names {unknown[0]!r}, which no row has.")
        self.classes_ = self._in_known_order(counts) or in_order(counts)
        self.counts_ = [counts[label] for label in self.classes_]

    def begin(self, labels: Sequence[str] | None) -> None:
        if not labels:
            raise ValueError("the trained head does not say how many labels it has.")
        check_distinct(labels)
        self.classes_, self.counts_ = list(labels), [0] * len(labels)

    def _in_known_order(self, labels: Iterable[Hashable]) -> list[Any] | None:
        """The labels of the trained head as the rows write them, or None where they do not fit."""
        wanted, numbers = set(labels), range(len(self.known))
        if wanted <= set(self.known):
            return list(self.known)
        unnamed = all(name == f"LABEL_{i}" for i, name in enumerate(self.known))
        fits = unnamed and all(type(label) is int and label in numbers for label in wanted)
        return list(numbers) if fits else None

    def targets(self, labels: list[Any], training: bool) -> tuple[Column, Column]:
        if not self.is_fitted:
            raise RuntimeError("the classes are not known: call fit with the training rows first.")
        index = {label: i for i, label in enumerate(self.classes_)}
        ignored = set(self.ignore)
        weights = np.ones(len(labels), np.float32)
        rows = []
        for row, found in enumerate(self._rows(labels)):
            if not ignored.isdisjoint(found):
                weights[row] = 0
                found = found[:0] if self.several else self.classes_[:1]
            rows.append([self._number(label, index) for label in found])
        if not training:
            self._tell_missing(rows)
        if self.several:
            return MultiHot(Ragged.from_rows(rows), len(index)), Values(weights)
        ids = np.fromiter((class_id for (class_id,) in rows), np.int32, len(rows))
        if training and self.class_weight is not None:
            weights *= self._class_weights()[ids]
        return Values(ids), Values(weights)

    def strata(self, columns: Sequence[list[Any]]) -> list[int]:
        (given,) = columns
        rows = list(self._rows(given))
        counts = Counter(label for labels in rows for label in labels)
        number = {label: i for i, label in enumerate(counts)}
        if not self.several:
            return [number[label] for (label,) in rows]
        rarest = [number[min(labels, key=counts.__getitem__)] if labels else -1 for labels in rows]
        sizes = Counter(rarest)
        return [stratum if sizes[stratum] >= RARE else -1 for stratum in rarest]

    def labels_of(self, probabilities: np.ndarray, threshold: float = 0.5) -> list[Any]:
        """The labels, of the user's own type, that a model's answers say.

        Args:
            probabilities: float array (rows, classes).
            threshold: the least probability of a label where rows have several.

        Returns:
            A label for each row; with `several` a list of labels.
        """
        if not self.several:
            return [self.classes_[i] for i in np.argmax(probabilities, axis=-1)]
        return [
            [self.classes_[i] for i in np.flatnonzero(row >= threshold)] for row in probabilities
        ]

    def losses(self) -> Any:
        if not self.several:
            return super().losses()
        return self.by_output(
            keras.losses.BinaryCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        )

    def metrics(self) -> Any:
        accuracy = (
            keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
            if self.several
            else TokenAccuracy()
        )
        return self.by_output([accuracy, MacroF1(len(self.classes_), self.several)])

    def get_state(self) -> dict[str, Any]:
        check_saved([*self.classes_, *self.ignore])
        return super().get_state()

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"ignore": list(self.ignore), "known": list(self.known)}

    def _rows(self, given: Iterable[Any]) -> Iterator[Sequence[Hashable]]:
        """The labels of each row."""
        for value in given:
            if self.several:
                yield _several(value)
            else:
                yield (_single(value),)

    def _tell_missing(self, rows: Sequence[Sequence[int]]) -> None:
        """Warns of classes that the rows of a validation cannot say anything of."""
        there = {number for row in rows for number in row}
        missing = [label for i, label in enumerate(self.classes_) if i not in there]
        if missing:
            warnings.warn(
                f"no validation row has the label {listed(missing)}: its scores say nothing of "
                f"{len(missing)} of {len(self.classes_)} classes.",
                stacklevel=2,
            )

    def _number(self, label: Any, index: Mapping[Any, int]) -> int:
        if label in index:
            return index[label]
        advice = (
            "Fit with rows that have it, leave its rows out, or name it in Classes(ignore=[...])."
        )
        if str(label) in map(str, self.classes_):
            advice = f"Here it is of type {type(label).__name__}: read both tables in one way."
        raise ValueError(
            f"label {label!r} is not among the {len(self.classes_)} of the training rows "
            f"({listed(self.classes_)}). {advice}"
        )

    def _class_weights(self) -> np.ndarray:
        """What a row of each class weighs: float32 array (classes,)."""
        if self.class_weight == "balanced":
            return balanced_weights(self.counts_)
        weights: Any = self.class_weight
        return np.array([weights.get(label, 1.0) for label in self.classes_], np.float32)


def _check_types(labels: Sequence[Hashable]) -> None:
    """Raises for labels of different types that Python takes for one, as it does True and 1."""
    if len(set(map(type, labels))) < 2:
        return
    seen: dict[Any, Any] = {}
    for label in labels:
        first = seen.setdefault(label, label)
        if type(first) is not type(label):
            raise ValueError(
                f"the labels {first!r} ({type(first).__name__}) and {label!r} "
                f"({type(label).__name__}) are equal in Python: one class or two? Turn the column "
                "into one type, such as frame[column].map(str)."
            )


def in_order(labels: Iterable[Hashable]) -> list[Any]:
    """Sorts labels that can be sorted; others stay as they came."""
    labels = list(labels)
    try:
        return sorted(labels)
    except TypeError:
        return labels


def _single(value: Any) -> Any:
    value = _plain(value)
    try:
        hash(value)
    except TypeError:
        raise ValueError(
            f"label {value!r} is of type {type(value).__name__}, which cannot be a class. Where a "
            "row has several labels, say so: Classes(several=True), of a task labels='several'."
        ) from None
    return value


def _several(value: Any) -> list[Any]:
    if isinstance(value, set | frozenset):  # its order is another one in each process
        value = sorted(value, key=lambda label: (type(label).__qualname__, repr(label)))
    elif not isinstance(value, list | tuple):
        raise ValueError(
            f"label {value!r} is of type {type(value).__name__}: of several labels each row has a "
            "list or a set. A .csv or .tsv makes strings of lists: keep such rows in "
            ".jsonl or .parquet, or cut the strings, frame[column].str.split(',')."
        )
    return list(dict.fromkeys(map(_single, value)))


def _plain(label: Any) -> Any:
    """A label as Python has it, if it is one of numpy's."""
    return label.item() if isinstance(label, np.generic) else label

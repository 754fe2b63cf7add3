"""What answers are worth: scores, and those of baselines beside them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np


def evaluation(
    task: Any, frame: Any, names: Sequence[Any], label: Any, baselines: bool
) -> dict[str, Any]:
    """Scores of a classifier on a table, with `majority` and `linear` where they can be had.

    Args:
        task: a fitted `TextClassifier`.
        frame: the table.
        names: of its columns of text.
        label: its column of labels.
        baselines: whether to fit and score them.
    """
    columns = task.columns(frame[list(names)])
    truth = frame[label].tolist()
    found = [
        answer["value" if task.labels == "numbers" else "label"] for answer in task.answers(columns)
    ]
    scores: dict[str, Any] = {"rows": len(truth), **_scores(task.labels, truth, found, task)}
    rows = getattr(task, "trained_on_", None)
    if baselines and rows is not None and task.labels == "single":
        known = rows[label].tolist()
        most = Counter(known).most_common(1)[0][0]
        texts = [" ".join(row) for row in zip(*columns, strict=True)]
        learnt = [" ".join(map(str, row)) for row in zip(*(rows[n] for n in names), strict=True)]
        linear = linear_baseline(learnt, known, texts)
        scores["majority"] = class_scores(truth, [most] * len(truth))
        scores["linear"] = class_scores(truth, linear)
    return scores


def class_scores(truth: Sequence[Any], found: Sequence[Any]) -> dict[str, float]:
    """Accuracy, and the mean F1 of the classes that occur."""
    from sklearn.metrics import f1_score

    number = {label: i for i, label in enumerate(dict.fromkeys([*truth, *found]))}
    first, second = ([number[label] for label in labels] for labels in (truth, found))
    return {
        "accuracy": float(np.mean(np.equal(first, second))),
        "macro_f1": float(f1_score(first, second, average="macro", zero_division=0)),
    }


def linear_baseline(texts: Sequence[str], labels: Sequence[Any], asked: Sequence[str]) -> list[Any]:
    """Labels by a linear machine on TF-IDF of 1–2 words and 2–5 characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    names = list(dict.fromkeys(labels))
    number = {label: i for i, label in enumerate(names)}
    machine = make_pipeline(make_union(words, characters), LinearSVC())
    machine.fit(list(texts), [number[label] for label in labels])
    return [names[i] for i in machine.predict(list(asked))]


def _scores(kind: str, truth: Sequence[Any], found: Sequence[Any], task: Any) -> dict[str, float]:
    if kind == "single":
        return class_scores(truth, found)
    if kind == "numbers":
        error = np.array(truth, float).reshape(len(truth), -1) - np.array(found).reshape(
            len(truth), -1
        )
        return {
            "mean_squared_error": float(np.mean(error**2)),
            "mean_absolute_error": float(np.mean(np.abs(error))),
        }
    from sklearn.metrics import f1_score

    one, other = (
        np.array([[label in row for label in task.classes_] for row in rows], int)
        for rows in (truth, found)
    )
    return {
        "accuracy": float(np.mean(one == other)),
        "exact_match": float(np.mean((one == other).all(axis=1))),
        "macro_f1": float(f1_score(one, other, average="macro", zero_division=0)),
    }

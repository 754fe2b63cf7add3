"""What answers are worth: scores, and those of baselines beside them."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.objectives.labels import listed
from tftransformer.scores import classification_scores


def evaluation(
    task: Any, frame: Any, names: Sequence[Any], label: Any, baselines: bool
) -> dict[str, Any]:
    """Scores of a classifier on a table, with `majority` and `linear` where they can be had.

    Args:
        task: a fitted `TextClassifier`.
        frame: the table.
        names: names of its columns of text.
        label: its column of labels.
        baselines: whether to fit and score them.
    """
    columns = task.columns(frame[list(names)])
    truth = frame[label].tolist()
    if task.kind != "numbers":
        tell_unseen(truth, task.classes_.tolist(), task.kind)  # before the long work
    found = [
        answer["value" if task.kind == "numbers" else "label"] for answer in task.answers(columns)
    ]
    classes = task.classes_.tolist() if task.kind == "several" else None
    scores: dict[str, Any] = {"rows": len(truth), **_scores(task.kind, truth, found, classes)}
    rows = getattr(task, "trained_on_", None)
    if baselines and rows is not None and task.kind == "single":
        known = rows[label].tolist()
        most = Counter(known).most_common(1)[0][0]
        texts = [" ".join(row) for row in zip(*columns, strict=True)]
        learnt = [" ".join(map(str, row)) for row in zip(*(rows[n] for n in names), strict=True)]
        linear = linear_baseline(learnt, known, texts)
        scores["majority"] = _scores("single", truth, [most] * len(truth))
        scores["linear"] = _scores("single", truth, linear)
    return scores


def tell_unseen(truth: Sequence[Any], classes: Sequence[Any], kind: str) -> None:
    """Warns of labels that are none of the classes, by which no answer can be right.

    Raises:
        ValueError: if no label is one of them.
    """
    labels = [each for row in truth for each in (row if kind == "several" else [row])]
    unseen = [label for label in labels if label not in classes]
    if not unseen:
        return
    said = (
        f"label {unseen[0]!r} ({type(unseen[0]).__name__}) is none of the {len(classes)} that were "
        f"learnt ({listed(classes)})"
    )
    if len(unseen) == len(labels):
        raise ValueError(
            f"{said}, nor is any other label: read the table as you read the training table."
        )
    warnings.warn(
        f"{said}: {len(unseen)} of {len(labels)} labels cannot be predicted.", stacklevel=4
    )


def masked_evaluation(task: Any, frame: Any, baselines: bool) -> dict[str, Any]:
    """Scores of a masked language model, with those of how frequent tokens are, `unigram`.

    Args:
        task: a fitted `FillMask`.
        frame: the table.
        baselines: whether to count the rows that it learnt from.
    """
    batches, output = task.data_.batches(frame, training=False), task.data_.objective.output
    rows = getattr(task, "trained_on_", None) if baselines else None
    counts = None
    if rows is not None:
        counts = np.ones(task.data_.tokenizers[0].vocab_size)  # add one (Laplace)
        ids = task.data_.tokenizers[0].encode(rows[task.data_.columns[0]].astype(str)).ids
        counts += np.bincount(ids.values, minlength=len(counts))
        counts = np.log(counts / counts.sum())
    totals = np.zeros(5)
    for inputs, labels, weights in batches.iterate():
        found = task.model_(inputs, training=False)
        real = (weights if output is None else weights[output]) > 0
        truth = (labels if output is None else labels[output])[real]
        logits = np.asarray(found if output is None else found[output], np.float64)[real]
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        right = logits.argmax(axis=1) == truth
        totals[:3] += len(truth), right.sum(), -logits[np.arange(len(truth)), truth].sum()
        if counts is not None:
            totals[3:] += (truth == counts.argmax()).sum(), -counts[truth].sum()
    count, right, loss, frequent, expected = totals.tolist()
    scores = {"accuracy": right / count, "perplexity": float(np.exp(loss / count))}
    if counts is None:
        return {"rows": len(frame), **scores}
    unigram = {"accuracy": frequent / count, "perplexity": float(np.exp(expected / count))}
    return {"rows": len(frame), **scores, "unigram": unigram}


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


def _scores(
    kind: str, truth: Sequence[Any], found: Sequence[Any], classes: Sequence[Any] | None = None
) -> dict[str, float]:
    """What of `classification_scores` fits a line."""
    scores = classification_scores(truth, found, kind, classes=classes)
    if kind == "numbers":
        return {"mean_squared_error": scores["mse"], "mean_absolute_error": scores["mae"]}
    macro_f1 = scores["macro"]["f1"]
    if kind == "single":
        return {"accuracy": scores["accuracy"], "macro_f1": macro_f1}
    exact = scores["subset_accuracy"]
    return {"accuracy": 1 - scores["hamming_loss"], "exact_match": exact, "macro_f1": macro_f1}

"""How well similar texts are found, and what TF-IDF finds of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import is_number, require


def check_similar(labels: Any, rows: int) -> list[float]:
    """Lists how similar the texts of each row are, or raises a ValueError."""
    labels = list(labels)
    fits = len(labels) == rows and all(map(is_number, labels))
    require(fits, "labels", labels, f"a number for each of {rows} rows")
    return labels


def retrieval_scores(
    similarities: np.ndarray, others: Sequence[str], truth: Sequence[float] | None = None
) -> dict[str, float]:
    """Accuracy and mean reciprocal rank of the right text among all, or a rank correlation.

    Args:
        similarities: float array (texts, others); row i belongs to column i.
        others: the texts of the columns; equal ones are equally right.
        truth: how similar text i and other i are; None: they belong together.

    Returns:
        `spearman` where there is a truth (1.0 says the same order), else `accuracy` and `mrr`.
    """
    if truth is not None:
        from scipy.stats import spearmanr

        return {"spearman": float(spearmanr(np.diag(similarities), truth).statistic)}
    names = np.unique(np.array(others, object).astype(str), return_inverse=True)[1]
    right = names[:, None] == names[None]
    best = np.where(right, similarities, -np.inf).max(axis=1)
    # Ranks among different texts, so that equal ones of the corpus count once; of those that are as
    # similar as the right one any may come first.
    accuracy, reciprocal = [], []
    for row, own, name in zip(similarities, best, names, strict=True):
        better = {*names[row > own]} - {name}
        tied = len({*names[row == own]} - better)
        accuracy.append(0.0 if better else 1 / tied)
        reciprocal.append(np.mean(1 / (1 + len(better) + np.arange(tied))))
    return {"accuracy": float(np.mean(accuracy)), "mrr": float(np.mean(reciprocal))}


def tfidf_similarities(texts: Sequence[str], others: Sequence[str]) -> Any:
    """Cosines of TF-IDF vectors of words and their parts of 2–5 characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    matrix = known.fit_transform([*texts, *others])
    return (matrix[: len(texts)] @ matrix[len(texts) :].T).toarray()

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
    # The rank among different texts: equal texts of the corpus count once.
    ranks = [
        1 + len(set(names[row > own]) - {name})
        for row, own, name in zip(similarities, best, names, strict=True)
    ]
    rank = np.array(ranks, float)
    return {"accuracy": float(np.mean(rank == 1)), "mrr": float(np.mean(1 / rank))}


def tfidf_similarities(texts: Sequence[str], others: Sequence[str]) -> Any:
    """Cosines of TF-IDF vectors of words and their parts of 2–5 characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    matrix = known.fit_transform([*texts, *others])
    return (matrix[: len(texts)] @ matrix[len(texts) :].T).toarray()

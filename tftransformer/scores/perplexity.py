"""Perplexity of language models."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tftransformer.core import check_ints


def perplexity_scores(
    logits: Iterable[Any],
    labels: Iterable[Any],
    *,
    ignore: int = -100,
    words: int | None = None,
    characters: int | None = None,
) -> dict[str, float]:
    """Perplexity, exp(−mean log p(label)), over all tokens that count, and related scores.

    Sums are taken over all rows and divided once, so that batching makes no difference. Scores per
    word and per character can be compared between models with different tokenizers (Mielke 2016).

    Args:
        logits: a row each, (steps, vocabulary): a list, an array (rows, steps, vocabulary), or an
            iterator, of which one row at a time is held.
        labels: a row each, (steps,), int: the id that each step should have predicted.
        ignore: the label of steps that do not count.
        words: number of words in the rows, for `word_perplexity`.
        characters: number of characters, for `bits_per_character`.

    Returns:
        dict of `tokens` (that counted), `loss` (mean, nats), `perplexity`, `accuracy` (how often
        the largest logit is right), `bits_per_token`, and what `words` and `characters` allow.

    Raises:
        ValueError: if no token counts, shapes do not fit, a label is outside the vocabulary, or a
            logit is NaN or +∞.

    Example:
        >>> logits = np.log([[[0.5, 0.5], [0.25, 0.75]]])
        >>> scores = perplexity_scores(logits, [[0, 1]], words=1)
        >>> round(scores["perplexity"] ** 2, 6), round(scores["word_perplexity"], 6)
        (2.666667, 2.666667)
    """
    check_ints(1, or_none=True, words=words, characters=characters)
    loss, right, tokens = 0.0, 0, 0
    row = -1
    try:
        for row, (scores, ids) in enumerate(zip(logits, labels, strict=True)):
            surprise, hits = _row(np.asarray(scores, np.float64), np.asarray(ids), ignore, row)
            loss += float(np.sum(surprise))
            right += int(np.sum(hits))
            tokens += len(hits)
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise ValueError(
            f"logits and labels do not have as many rows: one ends at {row + 1}."
        ) from error
    if not tokens:
        raise ValueError(f"No token counts: every label is {ignore} (`ignore`), or there is none.")
    found = {
        "tokens": tokens,
        "loss": loss / tokens,
        "perplexity": _exp(loss / tokens),
        "accuracy": right / tokens,
        "bits_per_token": loss / tokens / math.log(2),
    }
    if words is not None:
        found["word_perplexity"] = _exp(loss / words)
    if characters is not None:
        found["bits_per_character"] = loss / characters / math.log(2)
    return found


def _row(
    logits: np.ndarray, labels: np.ndarray, ignore: int, row: int
) -> tuple[np.ndarray, np.ndarray]:
    """Negative log-likelihood and whether the label comes first, for each step that counts."""
    if labels.ndim != 1 or logits.ndim != 2 or len(logits) != len(labels):
        raise ValueError(
            f"Row {row} has logits of shape {logits.shape} and labels of shape {labels.shape}: "
            "expected (steps, vocabulary) and (steps,)."
        )
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"Labels of row {row} are {labels.dtype}: expected ids, which are ints.")
    counts = labels != ignore
    logits, labels = logits[counts], labels[counts].astype(int)
    if not len(labels):
        return np.zeros(0), np.zeros(0, bool)
    if np.isnan(logits).any() or (logits == np.inf).any():
        raise ValueError(f"Logits of row {row} are not all numbers: one is NaN or +∞.")
    outside = labels[(labels < 0) | (labels >= logits.shape[1])]
    if outside.size:
        raise ValueError(
            f"Label {outside[0]} of row {row} is outside the vocabulary of {logits.shape[1]}; "
            f"steps that do not count have the label ignore={ignore}."
        )
    most = logits.max(axis=1)
    if (most == -np.inf).any():
        raise ValueError(f"A step of row {row} has no logit above −∞.")
    own = logits[np.arange(len(labels)), labels]
    total = np.log(np.sum(np.exp(logits - most[:, None]), axis=1))
    return most + total - own, logits.argmax(axis=1) == labels


def _exp(value: float) -> float:
    """e to the power of `value`, and infinity beyond what a float holds."""
    return math.exp(value) if value < math.log(1.7e308) else math.inf

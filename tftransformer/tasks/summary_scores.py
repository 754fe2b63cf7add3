"""What summaries are worth, and which sentences of a text make one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.data import take_columns
from tftransformer.scores import best_sentences, rouge_scores
from tftransformer.tasks.tables import rows_of, table
from tftransformer.text import sentences


def summary_rows(data: Any, labels: Any, columns: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Returns texts and what their summaries should be, each one text or several in a list.

    Args:
        data: texts; or a DataFrame with the columns.
        labels: the summaries, where the texts are not in a DataFrame.
        columns: names of the columns of texts and of summaries.
    """
    if labels is None:
        (data, labels), _ = take_columns(data, columns, columns[1:])
    labels = [label if isinstance(label, str) else list(label) for label in rows_of(labels)]
    return rows_of(data), labels


def rouge_f1(true: Sequence[Any], found: Sequence[str]) -> dict[str, float]:
    """The F1 of each kind, of which the longest subsequence comes first: what is compared."""
    scores = {kind: figures["f1"] for kind, figures in rouge_scores(true, found).items()}
    return {kind: scores[kind] for kind in ("rougeL", "rouge1", "rouge2", "rougeLsum")}


def lead(texts: Sequence[str], counts: Sequence[int]) -> list[str]:
    """The first sentences of each text, so many."""
    return [
        " ".join(own[:count]) for own, count in zip(sentences(texts), counts, strict=True)
    ]  # fmt: skip


def mean_length(summaries: Sequence[Any]) -> int:
    """How many sentences summaries have on average, 1 at least."""
    first = [each if isinstance(each, str) else each[0] for each in summaries]
    return max(1, round(sum(map(len, sentences(first))) / len(first)))


def chosen_table(data: Any, summaries: Any, text: Any, summary: Any) -> tuple[Any, list[Any]]:
    """Returns a DataFrame of texts and which of their sentences to choose, and its columns.

    Args:
        data: a DataFrame with both columns, or texts.
        summaries: summaries of texts, one or several in a list.
        text: name of the column of texts.
        summary: name of the column of summaries; in its stead stand lists of 0 and 1.

    Raises:
        ValueError: if a column is not there, or there is no row.
    """
    import pandas as pd

    frame, columns = table(data, summaries, [text], summary)
    texts, given = frame[text].tolist(), frame[summary].tolist()
    usable = [isinstance(each, str) for each in texts]
    own = iter(sentences([each for each, is_text in zip(texts, usable, strict=True) if is_text]))
    chosen = [
        _chosen(next(own), each) if is_text else None
        for each, is_text in zip(given, usable, strict=True)
    ]
    return frame.assign(**{summary: pd.Series(chosen, index=frame.index, dtype=object)}), columns


def _chosen(own: list[str], given: Any) -> list[int] | None:
    """Which sentences share most with a summary; None where there is none."""
    given = given.tolist() if isinstance(given, np.ndarray) else given  # as parquet has lists
    references = [given] if isinstance(given, str) else given
    if not isinstance(references, list | tuple) or not all(
        isinstance(each, str) and each.strip() for each in references
    ):
        return None
    best = set(best_sentences(own, references)) if references else ()
    return [int(number in best) for number in range(len(own))]


def length_of(chosen: Sequence[Any]) -> int | float:
    """How many sentences are chosen of texts, or which share, whichever differs less.

    Args:
        chosen: lists of 0 and 1.
    """
    rows = [row for row in chosen if row is not None and any(row)]
    if not rows:
        return 1
    counts, shares = np.array([sum(row) for row in rows]), np.array([np.mean(row) for row in rows])
    if shares.std() / shares.mean() < counts.std() / counts.mean():
        return round(float(shares.mean()), 3)
    return max(1, round(float(counts.mean())))

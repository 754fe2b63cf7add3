"""Words with tags, and texts with spans: as one table of texts and spans."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core.tags import (
    PREFIXES,
    scheme_of,
    spans_on_words,
    spans_to_tags,
    tags_to_spans,
)
from tftransformer.data.columns import check_columns, check_rows
from tftransformer.tasks.tables import as_frame, rows_of
from tftransformer.text import GivenWords

# Of characters, half open, and what they are.
Span = tuple[int, int, Any]

TYPE_KEYS = ("type", "label", "entity_group", "entity")
GIVEN = "a list of spans (start, end, type), or of dicts with start, end and label"


def tagged(data: Any, labels: Any, text: Any, label: Any, scheme: str | None) -> tuple[Any, str]:
    """Returns a DataFrame of texts and their spans, and the scheme of the tags.

    Args:
        data: a DataFrame, dicts, or rows: each a text, or a list of words, of which a text is made.
        labels: labels of the rows, where they are not a DataFrame.
        text: name of the column of texts or lists of words.
        label: name of the column of spans, or of lists of tags.
        scheme: scheme of tags; None: it is recognised. Of spans that is IOB2.

    Raises:
        ValueError: if tags or spans do not fit their words or text; it names the row.
    """
    import pandas as pd

    data = as_frame(data)
    if labels is None and not hasattr(data, "columns"):
        raise ValueError("give a DataFrame, or fit(words, tags), or fit(texts, spans).")
    if labels is None:
        check_columns(data, [text, label], "Name them: tokens=… and tags=…, or text=… and spans=….")
        index, rows, labels = data.index, data[text].tolist(), data[label].tolist()
    else:
        rows, labels = data.tolist() if hasattr(data, "iloc") else rows_of(data), rows_of(labels)
        index = data.index if hasattr(data, "index") and hasattr(data, "iloc") else None
    if len(rows) != len(labels):
        raise ValueError(f"{len(rows)} rows and {len(labels)} lists of labels: each row needs one.")
    check_rows(rows)
    words = [_as_list(row) for row in rows]
    tags = [_as_list(given) for row, given in zip(words, labels, strict=True) if row is not None]
    if tags and scheme is None:
        _check_strings(tags)
        scheme = scheme_of([row for row in tags if row is not None])
    scheme = scheme or "IOB2"
    spans: list[Any] = []
    for number, (row, own, given) in enumerate(zip(rows, words, labels, strict=True)):
        try:
            if isinstance(given, str):
                raise ValueError(
                    f"{given!r} is a string, not a list of tags or spans. Tables in .csv and .tsv "
                    "hold no lists: keep such rows in .jsonl or .parquet."
                )
            given = _as_list(given)
            if given is None or (own is None and not isinstance(row, str)):
                spans.append(None)  # which is missing, and counted as such
            elif own is None:
                spans.append(_checked(row, given))
            else:
                spans.append(_of_tags(own, given, scheme))
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
    texts = pd.Series([words_as_text(row) for row in rows], index=index, dtype=object)
    return pd.DataFrame({text: texts, label: pd.Series(spans, index=texts.index)}), scheme


def words_as_text(row: Any) -> Any:
    """The text of a list of words, with one blank between two; anything else as it is."""
    words = _as_list(row)
    if words and all(isinstance(word, str) for word in words):
        return GivenWords.join(words)
    return row


def tags_of(text: GivenWords, spans: Sequence[Span], scheme: str) -> list[str]:
    """The tags of words, given spans of characters."""
    found = [(str(kind), i, j) for kind, i, j in spans_on_words(spans, text.places())]
    return spans_to_tags(found, len(text.words()), scheme=scheme)


def as_spans(entities: Sequence[Mapping[str, Any]]) -> list[Span]:
    """Entities as an answer has them, as spans."""
    return [(each["start"], each["end"], each["entity_group"]) for each in entities]


def _of_tags(words: list[Any], tags: list[Any], scheme: str) -> list[Span]:
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"a list of words holds something else: {words!r}.")
    if len(words) != len(tags):
        raise ValueError(f"{len(words)} words have {len(tags)} tags: each word needs one.")
    _check_strings([tags])
    places = GivenWords.join(words).places()
    return [
        (places[i][0], places[j - 1][1], kind)
        for kind, i, j in tags_to_spans(tags, scheme=scheme if scheme in PREFIXES else "plain")
        if places[i][0] < places[j - 1][1]
    ]


def _checked(text: str, given: list[Any]) -> list[Span]:
    """Spans as tuples, without white space at their ends, in order."""
    spans = []
    for span in given:
        try:
            if isinstance(span, Mapping):
                (key,) = [key for key in TYPE_KEYS if key in span]
                start, end, kind = span["start"], span["end"], span[key]
            else:
                start, end, kind = span
            start, end = int(start), int(end)
            hash(kind)
        except (TypeError, ValueError, KeyError):
            raise ValueError(f"span {span!r}: expected {GIVEN}.") from None
        if not 0 <= start < end <= len(text):
            raise ValueError(
                f"span {span!r} is empty or outside its text of {len(text)} characters."
            )
        covered = text[start:end]
        start += len(covered) - len(covered.lstrip())
        end -= len(covered) - len(covered.rstrip())
        if start >= end:
            raise ValueError(f"span {span!r} holds nothing but white space.")
        spans.append((start, end, kind))
    spans.sort(key=lambda span: span[:2])
    for one, other in itertools.pairwise(spans):
        if other[0] < one[1]:
            raise ValueError(f"spans {one!r} and {other!r} overlap.")
    return spans


def _check_strings(rows: Sequence[Any]) -> None:
    for tag in (tag for row in rows for tag in row or ()):
        if not isinstance(tag, str):
            raise ValueError(
                f"tag {tag!r} is no string: turn numbers into the names that they stand for, such "
                "as 'B-PER'."
            )


def _as_list(row: Any) -> list[Any] | None:
    """A list, tuple or array as a list, None for anything else."""
    if isinstance(row, np.ndarray):
        return row.tolist()
    return list(row) if isinstance(row, list | tuple) else None

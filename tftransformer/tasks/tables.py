"""Rows of texts and labels in tables."""

from typing import Any

import numpy as np


def table(data: Any, labels: Any, text: Any, label: Any) -> tuple[Any, list[Any]]:
    """Returns a DataFrame of texts and labels, and the names of its columns, the label last.

    Args:
        data: a DataFrame with all columns, or texts in any container, or pairs of them.
        labels: one for each text; None for a DataFrame.
        text: name of the column of texts, or a list of two.
        label: name of the column of labels.

    Raises:
        ValueError: if a column is not there, there is no row, or not one label for each.
    """
    import pandas as pd

    names = [text] if isinstance(text, str | int) else list(text)
    if labels is None and not hasattr(data, "columns"):
        raise ValueError("give a DataFrame with texts and labels, or fit(texts, labels).")
    if labels is None:
        frame = data
        for name in (*names, label):
            if name not in frame.columns:
                known = ", ".join(map(repr, frame.columns))
                raise ValueError(
                    f"column {name!r} is not in the DataFrame (columns: {known}). Name the columns "
                    "where you call fit."
                )
    else:
        rows, labels = _texts(data, names), list(labels)
        if len(rows) != len(labels):
            raise ValueError(f"{len(rows)} texts and {len(labels)} labels: each text needs one.")
        if rows and isinstance(rows[0], tuple) and len(names) == 1:
            names = ["first", "second"]
        columns = zip(*rows, strict=True) if rows and len(names) > 1 else [rows]
        frame = pd.DataFrame(dict(zip(names, map(list, columns), strict=False)))
        frame[label] = pd.Series(labels, dtype=object)
    if not len(frame):
        raise ValueError("there is no row: the table is empty.")
    return frame, [*names, label]


def with_index(values: list[Any], like: Any) -> Any:
    """Returns values in a list, or for a Series or DataFrame in a Series with its index."""
    if not hasattr(like, "iloc"):
        return values
    import pandas as pd

    return pd.Series(values, index=like.index)


def in_container(values: list[Any], like: Any, column: str | None = None) -> Any:
    """Returns answers, one for each row, in a container of the kind that the rows came in.

    Args:
        values: the answers; dicts, unless there is a `column` for them.
        like: a list or any other iterable (a list comes back), tuple, numpy array, Series or
            DataFrame, whose shape or index the answers take.
        column: name of what answers a DataFrame. Answers that are dicts make columns themselves,
            of a Series, too.
    """
    if isinstance(like, np.ndarray):
        array = np.empty(len(values), object)
        for i, value in enumerate(values):  # an assignment at once would look into lists
            array[i] = value
        return array.reshape(like.shape)
    if not hasattr(like, "iloc"):
        return tuple(values) if isinstance(like, tuple) else values
    if column is None:
        import pandas as pd

        return pd.DataFrame(values, index=like.index)
    series = with_index(values, like)
    return series.to_frame(column) if hasattr(like, "columns") else series.rename(like.name)


def _texts(data: Any, names: list[Any]) -> list[Any]:
    if hasattr(data, "columns"):
        given = list(zip(*(data[name] for name in names), strict=True))
        return given if len(names) > 1 else [row for (row,) in given]
    return [tuple(row) if isinstance(row, list) else row for row in data]

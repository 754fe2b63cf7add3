"""From the columns of a DataFrame to clean lists of strings and labels."""

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_ints
from tftransformer.data.report import Report


def take_columns(
    frame: Any, columns: Sequence[Hashable], labels: Sequence[Hashable] = ()
) -> tuple[list[list[Any]], Report]:
    """Takes texts and labels of some columns, leaving out rows that are not whole.

    A row with a missing value (None, NaN, `pandas.NA`) in one of the columns, or with nothing but
    white space in a column of texts, is left out and counted. The DataFrame is not changed.

    Args:
        frame: pandas DataFrame with any index.
        columns: names of columns; strings, but for those in `labels`.
        labels: those of `columns` that hold labels, of whatever kind.

    Returns:
        A list of values for each column, row by row, and what became of the rows.

    Raises:
        TypeError: `frame` is no DataFrame, or a text is neither a string nor missing.
        ValueError: a column is missing or there twice, a string is not valid Unicode, or no row
            is left.
    """
    check_columns(frame, columns)
    check_rows(frame)
    given = [values_of(frame, column) for column in columns]
    texts = [i for i, column in enumerate(columns) if column not in labels]
    for i in texts:
        _check_strings(columns[i], given[i], frame.index)
    present = [None not in row for row in zip(*given, strict=True)]
    whole = list(present)
    for i in texts:
        for row, text in enumerate(given[i]):
            if present[row] and (not text or text.isspace()):
                whole[row] = False
    used = sum(whole)
    report = Report(len(whole), missing=len(whole) - sum(present), empty=sum(present) - used)
    if not used:
        raise ValueError(f"no row of the DataFrame has text in all of {list(columns)}: {report}.")
    if used == len(whole):
        return given, report
    return [list(itertools.compress(values, whole)) for values in given], report


def check_rows(rows: Any, what: str = "the table") -> None:
    """Raises a ValueError where a table, or a list of rows, has none."""
    if not len(rows):
        raise ValueError(f"there is no row: {what} is empty.")


def values_of(frame: Any, column: Hashable) -> list[Any]:
    """The values of a column as Python has them, None where one is missing."""
    values = frame[column].to_numpy(dtype=object, na_value=None).tolist()
    # Lists come from parquet files as arrays, which do not compare as one.
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]


def check_columns(
    frame: Any,
    columns: Sequence[Hashable],
    advice: str = "Name the columns as they stand there, or rename them.",
) -> None:
    """Raises unless `frame` is a DataFrame with each of `columns` once.

    Args:
        frame: what was given.
        columns: names of columns.
        advice: how to mend it where one is missing.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"expected a pandas DataFrame, got {type(frame).__name__}. "
            "Read a file with read_table(path), or make one: "
            f"pandas.DataFrame({{{', '.join(f'{column!r}: [...]' for column in columns)}}})."
        )
    names = list(frame.columns)
    found = ", ".join(short(name) for name in names)
    for column in columns:
        if column not in names:
            raise ValueError(
                f"column {column!r} is not in the DataFrame (columns: {found}). {advice}"
            )
        if names.count(column) > 1:
            raise ValueError(
                f"column {column!r} is in the DataFrame {names.count(column)} times "
                f"(columns: {found}). Rename or drop all but one."
            )


def rows_of(column: Ragged | Sequence[Any], rows: np.ndarray) -> Ragged | list[Any]:
    """Some rows of a column of texts or of labels."""
    return column.take(rows) if isinstance(column, Ragged) else [column[i] for i in rows]


def cut_texts(
    columns: Sequence[Any], max_length: int, template: Any, alone: bool = False
) -> list[Any]:
    """Columns of texts, cut so that no row is too long in its template, and of labels.

    Args:
        columns: ids as `Ragged` of the texts, then labels, if there are any.
        max_length: most tokens of a row, those of the template included.
        template: how texts become one row.
        alone: whether each text is a row of its own; else there are one or two, which make one.
    """
    from tftransformer.text import truncate

    if alone:
        rows = (
            cut_texts([c], max_length, template) if isinstance(c, Ragged) else [c] for c in columns
        )
        return [column for (column,) in rows]
    texts = [column for column in columns if isinstance(column, Ragged)]
    room = max_length - template.num_special(len(texts) > 1)
    check_ints(len(texts), **{"max_length less special tokens": room})
    second = texts[1] if len(texts) > 1 else None
    first, second, _ = truncate(texts[0], second, room, template.cut_side)
    return [first, *columns[1:]] if second is None else [first, second, *columns[2:]]


def _check_strings(column: Any, values: Any, index: Any) -> None:
    """Raises unless all `values` are strings that UTF-8 can hold, or None."""
    for row, value in enumerate(values):
        if value is None or (isinstance(value, str) and is_unicode(value)):
            continue
        where = f"row {row} (index {index[row]!r}) of column {column!r}"
        if not isinstance(value, str):
            turns: dict[type, str] = {
                bytes: "str.decode('utf-8')",
                list: "str.join(' ')",
                tuple: "str.join(' ')",
            }
            turn = turns.get(type(value), "astype('string')")
            raise TypeError(
                f"{where} is {short(value)}, of type {type(value).__name__}, not a string. "
                f"Turn the column into strings: frame[{column!r}].{turn}."
            )
        raise ValueError(
            f"{where} holds half a surrogate pair: no Unicode text. Read its file with the right "
            "encoding, or drop the row."
        )


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a string: one with half a surrogate pair it cannot."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def short(value: Any, most: int = 40) -> str:
    """What a value looks like, for an error: not more than so many characters, in one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= most else text[: most - 1] + "…"

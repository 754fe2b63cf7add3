"""From the columns of a DataFrame to clean lists of strings."""

from collections.abc import Sequence

from tftransformer.data.report import Report


def take_texts(frame, columns: Sequence[str]) -> tuple[list[list[str]], Report]:
    """Takes the texts of some columns, leaving out rows that are not whole.

    A row with a missing value (None, NaN, `pandas.NA`) or with nothing but white space in one of
    the columns is left out and counted. The DataFrame is not changed.

    Args:
        frame: pandas DataFrame with any index, of strings in these columns.
        columns: their names.

    Returns:
        A list of strings for each column, row by row, and what became of the rows.

    Raises:
        TypeError: `frame` is no DataFrame, or a value is neither a string nor missing.
        ValueError: a column is missing or there twice, a string is not valid Unicode, or no row
            is left.
    """
    _check_columns(frame, columns)
    given = [frame[column].to_numpy(dtype=object, na_value=None).tolist() for column in columns]
    for column, values in zip(columns, given, strict=True):
        _check_strings(column, values, frame.index)
    rows = list(zip(*given, strict=True))
    present = [row for row in rows if None not in row]
    whole = [row for row in present if all(text and not text.isspace() for text in row)]
    report = Report(len(rows), missing=len(rows) - len(present), empty=len(present) - len(whole))
    if not whole:
        raise ValueError(f"no row of the DataFrame has text in all of {list(columns)}: {report}.")
    return [list(texts) for texts in zip(*whole, strict=True)], report


def _check_columns(frame, columns: Sequence[str]) -> None:
    """Raises unless `frame` is a DataFrame with rows, and each of `columns` once."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"expected a pandas DataFrame, got {type(frame).__name__}. "
            "Read a file with read_table(path), or make one: "
            f"pandas.DataFrame({{{', '.join(f'{column!r}: [...]' for column in columns)}}})."
        )
    names = list(frame.columns)
    found = ", ".join(_short(name) for name in names)
    for column in columns:
        if column not in names:
            raise ValueError(
                f"column {column!r} is not in the DataFrame (columns: {found}). Name the source "
                "and the target column as they stand there, or rename them."
            )
        if names.count(column) > 1:
            raise ValueError(
                f"column {column!r} is in the DataFrame {names.count(column)} times "
                f"(columns: {found}). Rename or drop all but one."
            )
    if frame.empty:
        raise ValueError("the DataFrame has no rows.")


def _check_strings(column, values, index):
    """Raises unless all `values` are strings that UTF-8 can hold, or None."""
    for row, value in enumerate(values):
        if value is None or (isinstance(value, str) and (value.isascii() or _is_unicode(value))):
            continue
        where = f"row {row} (index {index[row]!r}) of column {column!r}"
        if not isinstance(value, str):
            raise TypeError(
                f"{where} is {_short(value)}, of type {type(value).__name__}, not a string. "
                f"Turn the column into strings: frame[{column!r}].astype('string')."
            )
        raise ValueError(
            f"{where} holds half a surrogate pair: no Unicode text. Read its file with the right "
            "encoding, or drop the row."
        )


def _is_unicode(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value, most=40):
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"

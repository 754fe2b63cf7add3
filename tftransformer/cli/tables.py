"""Tables that a command is given."""

from collections.abc import Mapping
from typing import Any


def read_columns(path: str, columns: Mapping[str, Any]) -> tuple[Any, list[list[Any]], Any]:
    """Reads a table and takes the values of some columns.

    Args:
        path: of the table.
        columns: names of its columns, or lists of them, by option; "label" holds no texts.

    Returns:
        The DataFrame, and what `take_columns` returns.

    Raises:
        ValueError: there are none; the message begins with the path.
    """
    from tftransformer import read_table
    from tftransformer.data import take_columns

    frame = read_table(path)
    names = [n for name in columns.values() for n in (name if isinstance(name, list) else [name])]
    labels = [columns["label"]] if "label" in columns else []
    try:
        return frame, *take_columns(frame, names, labels)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None

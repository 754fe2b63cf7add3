"""Tables of sentence pairs that a command is given."""

import pathlib
from typing import Any


def read_pairs(path: str, source: str, target: str) -> tuple[Any, list[list[str]], Any]:
    """Reads a table and takes the texts of both columns.

    Returns:
        The DataFrame, and what `take_columns` returns.

    Raises:
        ValueError: there are none; the message begins with the path.
    """
    from tftransformer import read_table
    from tftransformer.data import take_columns

    frame = read_table(path)
    try:
        return frame, *take_columns(frame, [source, target])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def columns_of_run(folder: str) -> tuple[str, str]:
    """The columns of source and target that the run in a folder was trained on."""
    from tftransformer import DataProcess

    data = pathlib.Path(folder) / "data"
    return DataProcess.load(data).columns if data.is_dir() else ("en", "de")

"""Reads the files that hold sentence pairs."""

import csv
import gzip
import os
import pathlib
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

SHOWN = 300  # characters of a line in an error


def read_table(path: str | os.PathLike) -> Any:
    """Reads a table of texts.

    The ending of the name says what it is. All are UTF-8, and the first line names the columns.

    - `.tsv`, `.tsv.gz`: cells separated by tabs, no quoting: a `"` is an ordinary character.
    - `.csv`, `.csv.gz`: cells separated by commas, quoted by `"` where need be.
    - `.parquet`: types and missing values as the file has them.

    In text files every cell is a string: words like `null` or `NA` and numbers stay what they
    are, and a cell that is empty, or not there since its line ends early, is an empty string.

    Args:
        path: the file.

    Returns:
        A pandas DataFrame.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the ending is unknown, or the content is not such a table.

    Example:

    >>> import pandas as pd
    >>> pd.DataFrame({"en": ["a tree"], "de": ["ein Baum"]}).to_csv("pairs.csv", index=False)
    >>> read_table("pairs.csv").columns
    Index(['en', 'de'], dtype='str')
    """
    import pandas as pd

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r} (looked in {os.getcwd()!r}).")
    name = path.name.lower()
    if name.endswith(".parquet"):
        return pd.read_parquet(path)
    if name.endswith((".tsv", ".tsv.gz")):
        # Without the terminator, a lone carriage return within a text would end its line.
        dialect = {"sep": "\t", "quoting": csv.QUOTE_NONE, "lineterminator": "\n"}
    elif name.endswith((".csv", ".csv.gz")):
        dialect = {"sep": ","}
    else:
        raise ValueError(
            f"cannot tell what {path.name!r} is: the name must end in "
            ".tsv, .tsv.gz, .csv, .csv.gz or .parquet."
        )
    try:
        # The header is read as a row, or pandas would rename columns that are there twice, and
        # make an index of the first where lines are longer than the header.
        cells = pd.read_csv(
            path,
            **dialect,
            header=None,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is not a table: {str(error).strip()}") from None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from None
    return _with_header(cells, path)


def _with_header(cells: Any, path: str | Path) -> Any:
    """Takes the first row for the names of the columns."""
    last = cells.columns[-1]
    cells[last] = cells[last].str.removesuffix("\r")  # of lines that end in "\r\n"
    names = cells.iloc[0].tolist()
    times = Counter(names)
    if any(not name.strip() or times[name] > 1 for name in names):
        line = repr(names)
        raise ValueError(
            f"the first line of {path} must name each column, once each; it reads "
            f"{line if len(line) <= SHOWN else line[:SHOWN] + '…'}."
        )
    table = cells.iloc[1:].reset_index(drop=True)
    table.columns = names
    return table

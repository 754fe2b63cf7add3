"""Reads the files that hold texts and what is said of them."""

import csv
import gzip
import json
import os
import pathlib
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

UNREADABLE = (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error)
SHOWN = 300  # characters of a line in an error


def read_table(path: str | os.PathLike) -> Any:
    """Reads a table of texts.

    The ending of the file name determines the format. All text is UTF-8, and the first line of
    `.tsv` and `.csv` names the columns.

    - `.tsv`, `.tsv.gz`: cells separated by tabs, no quoting: a `"` is an ordinary character.
    - `.csv`, `.csv.gz`: cells separated by commas, quoted with `"` where necessary.
    - `.jsonl`, `.jsonl.gz`: a JSON object in each line, whose keys are the columns. Lists, such as
      words and their tags, and numbers are kept as they are; a missing key counts as null.
    - `.parquet`: types and missing values as the file has them.

    In `.tsv` and `.csv` every cell is a string: words like `null` or `NA` and numbers are kept as
    text, and a cell that is empty, or missing because its line ends early, is an empty string.

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
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _of_objects(path)
    if name.endswith((".tsv", ".tsv.gz")):
        # Without the terminator, a lone carriage return within a text would end its line.
        dialect = {"sep": "\t", "quoting": csv.QUOTE_NONE, "lineterminator": "\n"}
    elif name.endswith((".csv", ".csv.gz")):
        dialect = {"sep": ","}
    else:
        raise ValueError(
            f"cannot tell what {path.name!r} is: the name must end in "
            ".tsv, .tsv.gz, .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet."
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
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from None
    return _with_header(cells, path)


def _of_objects(path: Path) -> Any:
    """Reads one object of JSON a line; lines of nothing but blanks do not count."""
    rows = []
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    rows.append(_object(line, f"line {number} of {path}"))
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from None
    if not rows:
        raise ValueError(f"{path} is not a table: it has no line.")
    return frame_of(rows)


def frame_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Makes a DataFrame from a dict for each row; missing entries are None."""
    import pandas as pd

    names = dict.fromkeys(name for row in rows for name in row)
    # As objects: pandas would make numbers of integers with gaps between them floats.
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}
    ).infer_objects()


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is not JSON: {error}.") from None
    if not isinstance(row, dict):
        raise ValueError(
            f'{where} must be an object, such as {{"text": "a tree"}}; it reads '
            f"{_shown(line.strip())}."
        )
    return row


def _with_header(cells: Any, path: str | Path) -> Any:
    """Takes the first row for the names of the columns."""
    last = cells.columns[-1]
    cells[last] = cells[last].str.removesuffix("\r")  # of lines that end in "\r\n"
    names = cells.iloc[0].tolist()
    times = Counter(names)
    if any(not name.strip() or times[name] > 1 for name in names):
        raise ValueError(
            f"the first line of {path} must name each column, once each; it reads "
            f"{_shown(repr(names))}."
        )
    table = cells.iloc[1:].reset_index(drop=True)
    table.columns = names
    return table


def _shown(line: str) -> str:
    """A line for an error, its end left out where it is long."""
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"

"""Reads the files that hold texts and what is said of them."""

import csv
import json
import os
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tftransformer.data.lines import UNREADABLE, lines_of, shown, tagged_sentences
from tftransformer.data.squad import squad_rows

# Endings of names, each of which `.gz` may follow.
TABLES, OBJECTS, TEXTS, TAGGED = (".tsv", ".csv"), (".jsonl",), (".txt",), (".conll", ".iob")
WHOLE = (".json",)


def read_table(path: str | os.PathLike, cells: tuple[int, int] = (0, -1)) -> Any:
    """Reads a table of texts.

    The ending of the file name determines the format. All text is UTF-8, and the first line of
    `.tsv` and `.csv` names the columns.

    - `.tsv`, `.tsv.gz`: cells separated by tabs, no quoting: a `"` is an ordinary character.
    - `.csv`, `.csv.gz`: cells separated by commas, quoted with `"` where necessary.
    - `.jsonl`, `.jsonl.gz`: a JSON object in each line, whose keys are the columns. Lists, such as
      words and their tags, and numbers are kept as they are; a missing key counts as null.
    - `.json`, `.json.gz`: a list of such objects; or SQuAD's questions (1.1 or 2.0), as the columns
      `id`, `question`, `context` and `answers`.
    - `.parquet`: types and missing values as the file has them.
    - `.txt`, `.txt.gz`: a text in each line, as the column `text`; a blank line is an empty one.
    - `.conll`, `.conll.gz`, `.iob`, `.iob.gz`: a word and its tag in each line, and a blank line
      behind each sentence, as the columns `tokens` and `tags` of lists. Tabs or blanks part the
      cells of a line. Lines that begin documents (`-DOCSTART-`), and remarks behind a `#` that
      have not as many cells as the words have, are left out.

    In `.tsv` and `.csv` every cell is a string: words like `null` or `NA` and numbers are kept as
    text, and a cell that is empty, or missing because its line ends early, is an empty string.

    Args:
        path: the file.
        cells: which cells of a line of `.conll` and `.iob` hold the word and its tag, from 0; -1 is
            the last.

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
    ending = pathlib.Path(name.removesuffix(".gz")).suffix
    if ending in OBJECTS:
        return _of_objects(path)
    if ending in WHOLE:
        return _of_whole(path)
    if ending in TEXTS:
        return _of_columns(path, text=list(lines_of(path)))
    if ending in TAGGED:
        tokens, tags = tagged_sentences(path, cells)
        return _of_columns(path, tokens=tokens, tags=tags)
    if ending not in TABLES:
        known = TABLES + OBJECTS + WHOLE + TEXTS + TAGGED
        endings = ", ".join(f"{each}, {each}.gz" for each in known)
        raise ValueError(
            f"cannot tell what {path.name!r} is: the name must end in {endings} or .parquet."
        )
    # Without the terminator, a lone carriage return within a text would end its line.
    tabs = {"sep": "\t", "quoting": csv.QUOTE_NONE, "lineterminator": "\n"}
    dialect = tabs if ending == ".tsv" else {"sep": ","}
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
    rows = [
        _object(line, f"line {number} of {path}")
        for number, line in enumerate(lines_of(path), 1)
        if line.strip()
    ]
    _check_lines(rows, path)
    return frame_of(rows)


def _of_whole(path: Path) -> Any:
    """Reads one value of JSON: a list of rows, or SQuAD's articles."""
    try:
        data = json.loads("\n".join(lines_of(path)))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path} is not JSON: {error}. If each of its lines is, its name must end in .jsonl."
        ) from None
    if isinstance(data, Mapping) and "data" in data:
        try:
            rows = [*squad_rows(data)]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    elif isinstance(data, list) and all(isinstance(row, Mapping) for row in data):
        rows = data
    else:
        raise ValueError(
            f'{path} must be a list of objects, [{{"text": …}}], or SQuAD\'s json; it '
            f"begins with {shown(json.dumps(data))}."
        )
    _check_lines(rows, path)
    return frame_of(rows)


def _of_columns(path: Path, **columns: list[Any]) -> Any:
    """Makes a DataFrame of columns that were read from a file."""
    import pandas as pd

    for rows in columns.values():
        _check_lines(rows, path)
    return pd.DataFrame(columns)


def _check_lines(rows: Sequence[Any], path: Path) -> None:
    if not rows:
        raise ValueError(f"{path} is not a table: it has no line.")


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
            f"{shown(line.strip())}."
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
            f"{shown(repr(names))}."
        )
    table = cells.iloc[1:].reset_index(drop=True)
    table.columns = names
    return table

"""Reads files line by line: texts, and the words and tags of the CoNLL shared tasks."""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tftransformer.core import is_int, require

UNREADABLE = (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error)
SHOWN = 300  # characters of a line in an error
# What stands between the documents of a file.
BETWEEN = "-DOCSTART-"


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file, compressed by gzip or not, without their ends.

    Only a line feed ends a line, with a carriage return before it or not.

    Raises:
        ValueError: it is not text in UTF-8.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n").removesuffix("\r")
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from None


def tagged_sentences(
    path: Path, columns: tuple[int, int]
) -> tuple[list[list[str]], list[list[str]]]:
    """The words and the tags of each sentence of a file of the CoNLL kind.

    Args:
        path: the file.
        columns: numbers of the cells that hold the word and the tag; negative ones count from the
            last.

    Raises:
        ValueError: a line has not as many cells as others, or lacks one of these.
    """
    fits = len(columns) == 2 and all(is_int(column) for column in columns)
    require(fits, "cells", columns, "two ints, such as (0, -1)")
    rows = [_cells(line) for line in lines_of(path)]
    count = Counter(map(len, filter(None, rows))).most_common(1)
    words: list[list[str]] = []
    tags: list[list[str]] = []
    begins = True
    for number, cells in enumerate(rows, 1):
        is_remark = cells[:1] == ["#"] and len(cells) != count[0][0]
        if not cells or cells[0] == BETWEEN or is_remark:
            begins = begins or not is_remark
            continue
        if begins:
            words.append([])
            tags.append([])
            begins = False
        word, tag = _two(cells, count[0][0], columns, f"line {number} of {path}")
        words[-1].append(word)
        tags[-1].append(tag)
    return words, tags


def _cells(line: str) -> list[str]:
    """The cells of a line, which tabs part, or else blanks; none of a blank line."""
    if not line.strip():
        return []
    return line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))


def _two(cells: Sequence[str], count: int, columns: tuple[int, int], where: str) -> list[str]:
    """The cells that hold word and tag, of as many as there should be."""
    line = shown(" ".join(cells))
    if len(cells) != count:
        raise ValueError(
            f"{where} has {len(cells)} cells, where others have {count}; it reads {line!r}."
        )
    if count < 2 or not all(-count <= column < count for column in columns):
        raise ValueError(
            f"{where} has {count} cells, and none for both of {columns}, a word and its tag; it "
            f"reads {line!r}."
        )
    found = [cells[column] for column in columns]
    if not all(cell.strip() for cell in found):
        raise ValueError(f"{where} lacks a word or its tag; it reads {line!r}.")
    return found


def shown(line: str) -> str:
    """A line for an error, its end left out where it is long."""
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"

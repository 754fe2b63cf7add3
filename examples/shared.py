"""What the examples share, those in pretrain/ too: options, what to learn from, what to score."""

import argparse
import gzip
import pathlib
import time
from collections.abc import Callable
from typing import Any

import tftransformer as tt


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help begins with what an example says of itself."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def options_of(parser: argparse.ArgumentParser, epochs: int | None, told: str) -> Any:
    """Adds the options of training and writing, and reads all.

    Args:
        parser: has those of the example.
        epochs: the default.
        told: what the help says of it.
    """
    parser.add_argument("--epochs", type=int, default=epochs, help=f"passes over the data ({told})")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    return parsed(parser)


def parsed(parser: argparse.ArgumentParser) -> Any:
    """Adds the option of writing, and reads all."""
    parser.add_argument("--directory", help="for all that is written (a new one in runs/)")
    options = parser.parse_args()
    made = time.strftime("runs/%Y-%m-%d_%H-%M-%S")
    options.directory = pathlib.Path(options.directory or made)
    return options


def tables(
    train: str,
    test: str | None = None,
    read: Callable[[str], Any] = tt.read_table,
    most: int | None = None,
) -> tuple[Any, Any]:
    """Reads rows to learn from and rows to score: those of another file, else a tenth.

    Args:
        train: path of a file.
        test: path of the other one.
        read: makes a DataFrame of a path.
        most: rows of that tenth.
    """
    rows = read(train)
    if test:
        return rows, read(test)
    held_out = rows.sample(min(most or len(rows), round(len(rows) / 10)), random_state=0)
    return rows.drop(held_out.index), held_out


def texts(train: str, test: str | None = None) -> tuple[str, str]:
    """Reads a text to learn from and one to score: that of another file, else its last tenth."""
    text = text_of(train)
    if test:
        return text, text_of(test)
    end = text.rfind("\n", 0, len(text) * 9 // 10) + 1
    return text[:end], text[end:]


def text_of(path: str) -> str:
    """What stands in a text file, compressed by gzip or not."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        return file.read()

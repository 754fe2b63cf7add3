"""Answers standard input, line by line, on standard output, or the rows of a table.

A task that reads two texts takes them with a tab between. An answer that is a text stands as it is,
others as JSON. Of several texts for one (`--num-return-sequences`) each has a line.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from tftransformer.cli.options import add_options, given, options_of
from tftransformer.cli.tasks import add_loading, add_model, as_line, load

HELP = "answer standard input: translations, labels, …"
# Lines read before any is answered: enough to sort by length, few enough to see progress.
_CHUNK = 1024


def add_arguments(parser: argparse.ArgumentParser, cls: Any = None) -> None:
    """Declares the options of the command; see `train`."""
    add_model(parser)
    parser.add_argument("--table", metavar="FILE", help="table to answer, in the stead of lines")
    if cls is not None:
        add_loading(parser, cls)
        add_options(parser, options_of(cls.answers))
        if hasattr(cls, "n_best"):
            parser.add_argument("--scores", action="store_true", help="write SCORE<tab>TEXT")
        if hasattr(cls, "stream"):
            told = "write each text alone, token by token as it comes"
            parser.add_argument("--stream", action="store_true", help=told)


def run(options: argparse.Namespace, cls: Any) -> None:
    """Runs the command."""
    given_rows = None if options.table else lines_of(standard_input())
    task = load(options, cls)
    how = given(options, options_of(cls.answers))
    if given_rows is None:
        from tftransformer import read_table

        for answer in answers(task, task.columns(read_table(options.table)), how):
            print(as_line(answer))
        return
    if getattr(options, "stream", False):
        for prompt in given_rows:
            for piece in task.stream(prompt, **how):
                print(piece, end="", flush=True)
            print(flush=True)
        return
    count = len(task.text_columns())
    # A person at a keyboard wants each answer at once.
    chunk = 1 if sys.stdin.isatty() else _CHUNK
    while lines := list(itertools.islice(given_rows, chunk)):
        texts = lines if count == 1 else [tuple(row.split("\t")) for row in lines]
        if getattr(options, "scores", False):
            for several in task.n_best(texts, **how):
                for written in several[: how.get("num_return_sequences", 1)]:
                    print(f"{written.score:.4f}\t{as_line(written.text)}")
        else:
            for answer in answers(task, task.columns(texts), how):
                print(as_line(answer))
        sys.stdout.flush()


def answers(task: Any, columns: list[list[str]], how: dict[str, Any]) -> list[Any]:
    """The answers of a task, of each row as many as `num_return_sequences` asks for."""
    if how.get("num_return_sequences", 1) == 1:
        return task.answers(columns, **how)
    return [
        task.answer(text, written)
        for text, several in zip(columns[0], task.written(columns, how), strict=True)
        for written in several
    ]


def standard_input() -> TextIO:
    """Returns standard input; it and standard output are UTF-8 from now on.

    Raises:
        ValueError: there is none.
    """
    reading: Any = sys.stdin
    writing: Any = sys.stdout
    if reading is None:
        raise ValueError("there is no standard input: give it a file, as in `... < FILE`.")
    # Windows likes to begin a file with a byte-order mark.
    reading.reconfigure(encoding="utf-8-sig", newline="\n")
    writing.reconfigure(encoding="utf-8", newline="\n")
    return reading


def lines_of(stream: TextIO) -> Iterator[str]:
    """The lines of a stream without their ends."""
    try:
        for line in stream:
            yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"standard input is not UTF-8 text ({error.reason}: byte "
            f"0x{error.object[error.start]:02x}). Convert it first, as in "
            "iconv -f LATIN1 -t UTF-8, where -f names the encoding that it has."
        ) from None

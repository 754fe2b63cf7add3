"""Translates standard input, line by line, to standard output."""

import argparse
import itertools
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from tftransformer.cli.translator_options import (
    add_batch_size,
    add_translator_arguments,
    load_translator,
)

HELP = "translate standard input to standard output"
# Lines read before any is translated: enough to sort by length, few enough to see progress.
_CHUNK = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_translator_arguments(parser)
    add_batch_size(parser)
    parser.add_argument("--scores", action="store_true", help="write SCORE<tab>TRANSLATION")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    lines = lines_of(standard_input())
    translator = load_translator(options, batch_size=options.batch_size)
    # A person at a keyboard wants each answer at once.
    chunk = 1 if sys.stdin.isatty() else _CHUNK
    while texts := list(itertools.islice(lines, chunk)):
        for best, *_ in translator.n_best(texts):
            # One line in, one line out.
            text = " ".join(best.text.splitlines())
            print(f"{best.score:.4f}\t{text}" if options.scores else text)
        sys.stdout.flush()


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

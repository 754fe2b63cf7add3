"""Translates standard input, line by line, to standard output."""

import argparse
import itertools
import sys

from tftransformer.cli.translator_options import add_translator_arguments, load_translator

HELP = "translate standard input to standard output"
# Lines read before any is translated: enough to sort by length, few enough to see progress.
_CHUNK = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_translator_arguments(parser)
    parser.add_argument("--scores", action="store_true", help="write SCORE<tab>TRANSLATION")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    translator = load_translator(options)
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", newline="\n")
    lines = (line.removesuffix("\n").removesuffix("\r") for line in sys.stdin)
    # A person at a keyboard wants each answer at once.
    chunk = 1 if sys.stdin.isatty() else _CHUNK
    while texts := list(itertools.islice(lines, chunk)):
        for best, *_ in translator.n_best(texts):
            # One line in, one line out.
            text = " ".join(best.text.splitlines())
            print(f"{best.score:.4f}\t{text}" if options.scores else text)
        sys.stdout.flush()

"""Labels standard input, line by line: LABEL<tab>SCORE on standard output."""

import argparse
import sys

from tftransformer.cli.translate import lines_of

HELP = "label standard input with a classifier"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add = parser.add_argument
    add("--model", required=True, metavar="FOLDER", help="folder of a trained classifier")
    add("--task", choices=["classify"], default="classify", help="what it is about")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    import tftransformer as tt

    if sys.stdin is None:
        raise ValueError("there is no standard input: give it a file, as in `... < FILE`.")
    classify = tt.TextClassifier.load(options.model)
    sys.stdin.reconfigure(encoding="utf-8-sig", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    for answer in classify(list(lines_of(sys.stdin))):
        print(f"{answer['label']}\t{answer['score']:.4f}")

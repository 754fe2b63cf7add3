"""Labels standard input, line by line: LABEL<tab>SCORE on standard output."""

import argparse

from tftransformer.cli.translate import lines_of, standard_input

HELP = "label standard input with a classifier"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add = parser.add_argument
    add("--model", required=True, metavar="FOLDER", help="folder of a trained classifier")
    add("--task", choices=["classify"], default="classify", help="what it is about")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    import tftransformer as tt

    given = standard_input()
    classify = tt.TextClassifier.load(options.model)
    for answer in classify(list(lines_of(given))):
        print(f"{answer['label']}\t{answer['score']:.4f}")

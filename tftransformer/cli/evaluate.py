"""Translates a table's source column and scores it against the target column."""

import argparse

from tftransformer.cli import classify
from tftransformer.cli.tables import columns_of_run, read_pairs
from tftransformer.cli.translator_options import (
    add_batch_size,
    add_translator_arguments,
    load_translator,
)

HELP = "score translations of a table: BLEU and chrF"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    classify.add_task(parser)
    add_translator_arguments(parser)
    add_batch_size(parser)
    add = parser.add_argument
    add("--test", required=True, metavar="FILE", help="table of sentence pairs")
    add("--source", metavar="COLUMN", help="column to translate from; default: as in training")
    add("--target", metavar="COLUMN", help="column of the references; default: as in training")
    add("--tokenize", default="13a", help='tokenisation of BLEU; "none" for tokenised text')


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    if options.task == "classify":
        classify.evaluate(options)
        return
    source, target = columns_of_run(options.model)
    names = options.source or source, options.target or target
    _, texts, report = read_pairs(options.test, *names)
    translator = load_translator(options, batch_size=options.batch_size)
    scores = translator.evaluate(*texts, options.tokenize)
    print(f"rows {report}")
    for name in ("bleu", "chrf"):
        print(f"{name} {scores[name]:.2f}  {scores[f'{name}_signature']}")

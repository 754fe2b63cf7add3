"""Translates a table's source column and scores it against the target column.

With --task classify: labels a table's texts and scores that against its labels.
"""

import argparse

from tftransformer.cli.tables import read_columns
from tftransformer.cli.tasks import add_task, task_class
from tftransformer.cli.translator_options import (
    add_batch_size,
    add_translator_arguments,
    load_translator,
)

HELP = "score translations of a table: BLEU and chrF; or labels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_task(parser)
    add_translator_arguments(parser)
    add_batch_size(parser)
    add = parser.add_argument
    add("--test", required=True, metavar="FILE", help="table of sentence pairs, or labelled texts")
    add("--source", metavar="COLUMN", help="column to translate from; default: as in training")
    add("--target", metavar="COLUMN", help="column of the references; default: as in training")
    add("--tokenize", default="13a", help='tokenisation of BLEU; "none" for tokenised text')


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    if options.task == "classify":
        from tftransformer import read_table

        scores = task_class(options).load(options.model).evaluate(read_table(options.test))
        for name, value in scores.items():
            print(name, value if isinstance(value, int) else f"{value:.4f}")
        return
    translator = load_translator(options, batch_size=options.batch_size)
    source, target = translator.data_.columns
    columns = {"source": options.source or source, "target": options.target or target}
    _, texts, report = read_columns(options.test, columns)
    scores = translator.evaluate(*texts, options.tokenize)
    print(f"rows {report}")
    for name in ("bleu", "chrf"):
        print(f"{name} {scores[name]:.2f}  {scores[f'{name}_signature']}")

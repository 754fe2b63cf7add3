"""Scores the answers to the rows of a table, with those of baselines where there are some."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from tftransformer.cli.options import add_options, given, options_of
from tftransformer.cli.tasks import add_columns, add_loading, add_model, load, renamed

HELP = "score the answers to a table: BLEU and chrF, accuracy, …"


def add_arguments(parser: argparse.ArgumentParser, cls: Any = None) -> None:
    """Declares the options of the command; see `train`."""
    add_model(parser)
    parser.add_argument("--test", required=True, metavar="FILE", help="table to score")
    if cls is not None:
        add_loading(parser, cls)
        add_options(parser, _scoring(cls))
        add_columns(parser.add_argument_group("columns, where not as in training"), cls)


def run(options: argparse.Namespace, cls: Any) -> None:
    """Runs the command."""
    task = load(options, cls)
    frame = renamed(options.test, options, task)
    scores = task.evaluate(frame, **given(options, _scoring(cls)))
    for name, value in _flat(scores):
        print(name, f"{value:.4f}" if isinstance(value, float) else value)


def _scoring(cls: Any) -> list[Any]:
    """What `evaluate` takes; baselines are of the rows that were learnt from, which are gone."""
    return [option for option in options_of(cls.evaluate) if option.name != "baselines"]


def _flat(scores: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values, those of a baseline behind its name."""
    for name, value in scores.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name} ")
        else:
            yield before + name, value

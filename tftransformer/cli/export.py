"""Exports what was trained, to be served without this package.

A SavedModel takes strings and returns answers.
"""

import argparse
from typing import Any

from tftransformer.cli.options import Option, add_options, given, options_of
from tftransformer.cli.tasks import add_loading, add_model, load, settings

HELP = "export what was trained, to be served: strings in, answers out"


def add_arguments(parser: argparse.ArgumentParser, cls: Any = None) -> None:
    """Declares the options of the command; see `train`."""
    add_model(parser)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder to make")
    if cls is not None:
        add_loading(parser, cls, without="batch_size")  # who serves it batches
        add_options(parser, _exporting(cls) + _writing(cls))


def run(options: argparse.Namespace, cls: Any) -> None:
    """Runs the command."""
    writing = _writing(cls)
    if getattr(options, "format", None) == "ctranslate2":
        for option in [*writing, *(each for each in settings(cls) if each.name == "parallel")]:
            if getattr(options, option.name) is not None:
                raise ValueError(
                    f"{option.flag} is for a SavedModel: CTranslate2 is told with each call."
                )
    task = load(options, cls)
    if asked := given(options, writing):
        from tftransformer.tasks.generation_options import together

        task.set_params(options=together(asked["options"], task.options or {}))
    print(task.export(options.output, **given(options, _exporting(cls))))


def _exporting(cls: Any) -> list[Option]:
    """What `export` takes: its own arguments, and the limits of the graph."""
    own = options_of(cls.export)
    names = {option.name for option in own}
    return own + [option for option in options_of(cls.graph) if option.name not in names]


def _writing(cls: Any) -> list[Option]:
    """How an exported task writes, where it writes: entries of its setting `options`."""
    names = {option.name for option in _exporting(cls)}
    return [option for option in settings(cls) if option.of and option.name not in names]

"""Exports a translator to be served without this package.

A SavedModel takes strings and returns strings and scores; a folder for CTranslate2 holds the model
and its tokenizers.
"""

import argparse

from tftransformer.cli.tasks import add_task, task_class
from tftransformer.cli.translator_options import add_translator_arguments, load_translator

HELP = "export a translator to be served: a SavedModel, or a folder for CTranslate2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_task(parser)
    add_translator_arguments(parser)
    add = parser.add_argument
    add("--output", required=True, metavar="FOLDER", help="folder to make")
    add("--format", choices=["saved_model", "ctranslate2"], default="saved_model", help="of OUTPUT")
    add(
        "--weights",
        choices=["float32", "bfloat16", "int8"],
        default="float32",
        help="their type on the disk",
    )
    add("--jit-compile", action="store_true", help="XLA compiles the SavedModel where it is served")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    if options.task == "classify":
        how = {"weights": options.weights, "jit_compile": options.jit_compile}
        print(task_class(options).load(options.model).export(options.output, **how))
        return
    for name in ("beams", "parallel"):
        if options.format == "ctranslate2" and getattr(options, name) is not None:
            raise ValueError(f"--{name} is for a SavedModel: CTranslate2 is told with each call.")
    translator = load_translator(options)
    settings = options.format, options.weights, options.jit_compile
    print(translator.export(options.output, *settings))

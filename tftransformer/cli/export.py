"""Exports a translator to be served without this package.

A SavedModel takes strings and returns strings and scores; a folder for CTranslate2 holds the model
and its tokenizers.
"""

import argparse

from tftransformer.cli.translator_options import add_translator_arguments, load_translator

HELP = "export a translator to be served: a SavedModel, or a folder for CTranslate2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_translator_arguments(parser)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder to make")
    parser.add_argument(
        "--format", choices=["saved_model", "ctranslate2"], default="saved_model", help="of OUTPUT"
    )


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    print(load_translator(options).export(options.output, options.format))

"""Exports a translator as a SavedModel that takes strings and returns strings and scores."""

import argparse

from tftransformer.cli.translator_options import add_translator_arguments, load_translator

HELP = "export a SavedModel: strings in, strings out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_translator_arguments(parser)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder to make")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    print(load_translator(options).export(options.output))

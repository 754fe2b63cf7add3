"""The command line: train, translate, evaluate, export."""

from tftransformer.cli.main import main

__all__ = ["main"]

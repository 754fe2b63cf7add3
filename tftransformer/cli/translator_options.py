"""What the commands that use a trained translator have in common."""

import argparse
from typing import Any


def add_translator_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options that say which translator, and how it decodes."""
    add = parser.add_argument
    add("--model", required=True, metavar="FOLDER", help="folder of a trained translator")
    add("--beams", type=int, help="hypotheses of the beam search, 1 = greedy; default: as saved")
    add("--length-penalty", type=float, help="alpha of Wu et al. 2016, with --beams; default: 0.6")
    add("--parallel", type=int, help="parts of a batch translated at once; default: as saved")


def add_batch_size(parser: argparse.ArgumentParser) -> None:
    """Declares the option of the commands that translate."""
    parser.add_argument("--batch-size", type=int, default=32, help="texts translated at once")


def load_translator(options: argparse.Namespace, **changes: Any) -> Any:
    """Loads the translator that the options name; with `changes` as in `Translator.load`."""
    from tftransformer import BeamSearch, Greedy, Translator

    penalty = options.length_penalty
    if penalty is not None and options.beams in (None, 1):
        raise ValueError("--length-penalty needs --beams 2 or more: it compares hypotheses.")
    if options.beams == 1:
        changes["strategy"] = Greedy()
    elif options.beams is not None:
        changes["strategy"] = BeamSearch(options.beams, 0.6 if penalty is None else penalty)
    if options.parallel is not None:
        changes["parallel"] = options.parallel
    return Translator.load(options.model, **changes)

"""What the commands that use a trained translator have in common."""

import argparse
from typing import Any


def add_translator_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options that say which translator, and how it decodes."""
    add = parser.add_argument
    add("--model", required=True, metavar="FOLDER", help="folder of a trained translator")
    add("--beams", type=int, help="hypotheses of the beam search, 1 = greedy; default: as saved")
    add("--length-penalty", type=float, default=0.6, help="alpha of Wu et al. 2016, with --beams")
    add("--batch-size", type=int, default=32, help="texts translated at once")


def load_translator(options: argparse.Namespace) -> Any:
    """Loads the translator that the options name."""
    from tftransformer import BeamSearch, Greedy, Translator

    changes: dict[str, Any] = {"batch_size": options.batch_size}
    if options.beams == 1:
        changes["strategy"] = Greedy()
    elif options.beams is not None:
        changes["strategy"] = BeamSearch(options.beams, length_penalty=options.length_penalty)
    return Translator.load(options.model, **changes)

"""Objectives: how token ids become a model's inputs, labels and weights."""

from tftransformer.objectives.examples import Examples
from tftransformer.objectives.sequence_to_sequence import sequence_to_sequence

__all__ = ["Examples", "sequence_to_sequence"]

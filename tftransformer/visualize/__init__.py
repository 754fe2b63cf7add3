"""Pictures of attention, of alignment and of training (matplotlib, no display needed)."""

from tftransformer.visualize.attention import alignment, attention_map
from tftransformer.visualize.curves import training_curves
from tftransformer.visualize.pieces import merge_pieces

__all__ = ["alignment", "attention_map", "merge_pieces", "training_curves"]

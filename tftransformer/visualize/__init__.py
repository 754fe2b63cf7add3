"""Plots of attention, of alignment and of training (matplotlib, no display needed)."""

from tftransformer.visualize.attention import alignment, attention_map
from tftransformer.visualize.curves import training_curves
from tftransformer.visualize.pieces import merge_pieces
from tftransformer.visualize.rates import learning_rate_curve

__all__ = ["alignment", "attention_map", "learning_rate_curve", "merge_pieces", "training_curves"]

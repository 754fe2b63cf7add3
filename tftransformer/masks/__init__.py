"""Attention masks: which query may attend to which key. True means may attend."""

from tftransformer.masks.causal import CausalMask
from tftransformer.masks.document import DocumentMask
from tftransformer.masks.mask import And, Mask, Not, Or, Reach, as_bool, check_mask, with_heads
from tftransformer.masks.memory import MemoryMask
from tftransformer.masks.padding import PaddingMask
from tftransformer.masks.permutation import PermutationMask
from tftransformer.masks.prefix import PrefixMask
from tftransformer.masks.same_length import SameLengthMask
from tftransformer.masks.sliding_window import SlidingWindowMask
from tftransformer.masks.tensor import TensorMask

__all__ = [
    "And",
    "CausalMask",
    "DocumentMask",
    "Mask",
    "MemoryMask",
    "Not",
    "Or",
    "PaddingMask",
    "PermutationMask",
    "PrefixMask",
    "Reach",
    "SameLengthMask",
    "SlidingWindowMask",
    "TensorMask",
    "as_bool",
    "check_mask",
    "with_heads",
]

"""MemoryMask."""

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach


@register
class MemoryMask(Mask):
    """Every query sees the filled part of the memory, and all keys that are not memory.

    Memory lies before the segment, at the negative positions −M…−1, filled from its end:
    `key >= -memory_length` (Transformer-XL, Dai et al. 2019, §3.2).
    Reads `memory_lengths`: int () or (batch,), at most M.
    """

    def visible(self, context):
        lengths = ops.convert_to_tensor(context["memory_lengths"])
        key = context["key_positions"][..., None, :]
        return ops.greater_equal(key, -lengths[..., None, None])

    def reach(self, first, last, context=None):
        if "memory_lengths" not in (context or {}):
            return Reach()
        return Reach(low=-ops.max(context["memory_lengths"]))

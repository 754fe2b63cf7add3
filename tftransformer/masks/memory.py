"""MemoryMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach


@register
class MemoryMask(Mask):
    """Every query sees the filled part of the memory, and all keys that are not memory.

    Memory precedes the segment, at the negative positions −M…−1, and is filled from its end: `key
    >= -memory_length` (Transformer-XL, Dai et al. 2019, §3.2). Reads `memory_lengths`: int () or
    (batch,), at most M; and, where a segment does not start at 0, as in later steps of decoding,
    `segment_start`: int () or (batch,).
    """

    entries = ("memory_lengths",)

    def visible(self, context: Mapping[str, Any]) -> Any:
        key = ops.expand_dims(context["key_positions"], -2)
        return ops.greater_equal(key, ops.expand_dims(self._first(context), (-2, -1)))

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        if "memory_lengths" not in (context or {}):
            return Reach()
        return Reach(low=ops.min(self._first(context)))

    @staticmethod
    def _first(context: Any) -> Any:
        """The first position of memory that is filled: int () or (batch,)."""
        lengths = ops.convert_to_tensor(context["memory_lengths"])
        return context["segment_start"] - lengths if "segment_start" in context else -lengths

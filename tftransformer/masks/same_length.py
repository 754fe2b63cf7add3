"""SameLengthMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach, paired


@register
class SameLengthMask(Mask):
    """Each query sees equally far back: as far as the first one, which sees the memory and itself.

    `key >= query - memory_length` (XLNet, Yang et al. 2019; the evaluation of Dai et al. 2019, §4).
    Reads `memory_lengths`: int () or (batch,), at most M.
    """

    entries = ("memory_lengths",)
    reads_positions = True

    def visible(self, context: Mapping[str, Any]) -> Any:
        query, key = paired(context["query_positions"], context["key_positions"])
        lengths = ops.expand_dims(context["memory_lengths"], (-2, -1))
        return ops.greater_equal(key, ops.subtract(query, lengths))

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        if context is None or "memory_lengths" not in context:
            return Reach()
        return Reach(low=first - ops.max(context["memory_lengths"]))

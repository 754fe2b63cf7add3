"""PrefixMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach


@register
class PrefixMask(Mask):
    """Every query sees the keys of the row's prefix: `key < prefix_length`.

    `CausalMask() | PrefixMask()` is the mask of a prefix language model (Raffel et al. 2020,
    fig. 3; UniLM, Dong et al. 2019). Reads `prefix_lengths`: int (batch,), in tokens: padding
    before the row's first token does not count.
    """

    counts_tokens = True
    entries = ("prefix_lengths",)

    def visible(self, context: Mapping[str, Any]) -> Any:
        lengths = ops.expand_dims(context["prefix_lengths"], (-2, -1))
        return ops.less(ops.expand_dims(context["key_positions"], -2), lengths)

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        if context is None or "prefix_lengths" not in context:
            return Reach()
        return Reach(high=ops.max(context["prefix_lengths"]) - 1)

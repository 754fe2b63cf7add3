"""TensorMask."""

from collections.abc import Mapping
from typing import Any

from tftransformer.core import register
from tftransformer.masks.mask import Mask, as_bool


@register
class TensorMask(Mask):
    """Sees whatever a tensor in the context says, so that any mask made elsewhere can be used.

    Args:
        entry: name of the entry in the context, a bool or 0/1 tensor (queries, keys), (batch,
            queries, keys) or (batch, heads, queries, keys), True = may attend.
    """

    def __init__(self, entry: str = "attention_mask"):
        self.entry, self.entries = entry, (entry,)

    def visible(self, context: Mapping[str, Any]) -> Any:
        return as_bool(context[self.entry], self.entry)

"""PaddingMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, as_bool


@register
class PaddingMask(Mask):
    """Every query sees all real tokens, and no padding.

    Reads `padding_mask`: bool (batch, keys), True = a real token.
    """

    def visible(self, context: Mapping[str, Any]) -> Any:
        return ops.expand_dims(as_bool(context["padding_mask"], "padding_mask"), -2)

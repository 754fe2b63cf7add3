"""PaddingMask."""

from tftransformer.core import register
from tftransformer.masks.mask import Mask, as_bool


@register
class PaddingMask(Mask):
    """Every query sees every real key, and no padding.

    Reads `padding_mask`: bool (batch, keys), True = a real token.
    """

    def visible(self, context):
        return as_bool(context["padding_mask"], "padding_mask")[..., None, :]

"""PaddingMask."""

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask


@register
class PaddingMask(Mask):
    """Every query sees every real key, and no padding.

    Reads `padding_mask`: bool (batch, keys), True = a real token.
    """

    def visible(self, context):
        return ops.cast(context["padding_mask"], "bool")[..., None, :]

"""ConvolvedEncoder."""

from tftransformer.core import register
from tftransformer.layers import ConvolvedLayer
from tftransformer.stacks.encoder import Encoder


@register
class ConvolvedEncoder(Encoder):
    """A stack whose layers may have a convolution beside them: see `ConvolvedLayer`.

    Arguments are those of `Encoder`.
    """

    layer_class = ConvolvedLayer

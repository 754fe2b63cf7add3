"""ParallelEncoder."""

from tftransformer.core import register
from tftransformer.layers import ParallelLayer
from tftransformer.stacks.encoder import Encoder


@register
class ParallelEncoder(Encoder):
    """A stack whose layers attend and transform side by side: see `ParallelLayer`.

    Arguments are those of `Encoder`.
    """

    layer_class = ParallelLayer

"""Floor 3: layers under a mask."""

from tftransformer.stacks.decoder import Decoder
from tftransformer.stacks.encoder import Encoder

__all__ = ["Decoder", "Encoder"]

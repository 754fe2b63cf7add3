"""Mistral."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Mistral(RotaryDecoder):
    """Llama, with key/value heads that are shared, and a window (Jiang et al. 2023, §2).

    Defaults: the first model of 7 billion weights, whose tokens see 4096 in each layer, but for its
    `num_key_value_heads` of 8; later ones have no `windows`.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Mistral(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                 num_key_value_heads=2, windows=4)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        dff=14336,
        num_positions=32768,
        windows=4096,
        epsilon=1e-5,
    )

"""Qwen3."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Qwen3(RotaryDecoder):
    """Llama, whose queries and keys are normalised head by head (Yang et al. 2025, §2).

    Defaults: the model of 0.6 billion weights, but for its `num_key_value_heads` of 8 and its
    `head_width` of 128.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Qwen3(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...               num_key_value_heads=2, head_width=8)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        vocab_size=151936,
        num_layers=28,
        d_model=1024,
        num_heads=16,
        dff=3072,
        num_positions=40960,
        rotary_base=1000000.0,
        query_key_norm=True,
        tied=True,
    )

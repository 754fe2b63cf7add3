"""Qwen2."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Qwen2(RotaryDecoder):
    """Llama, with biases of queries, keys and values alone (Yang et al. 2024, §2.2).

    Defaults: the model of half a billion weights, but for its `num_key_value_heads` of 2.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Qwen2(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...               num_key_value_heads=2)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        vocab_size=151936,
        num_layers=24,
        d_model=896,
        num_heads=14,
        dff=4864,
        num_positions=32768,
        rotary_base=1000000.0,
        attention_bias=True,
        output_bias=False,
        tied=True,
    )

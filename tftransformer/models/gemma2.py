"""Gemma2."""

from tftransformer.core import register, with_defaults
from tftransformer.models.gemma import Gemma


@register
class Gemma2(Gemma):
    """Gemma, with windows, norms on both sides of sublayers, and caps (Riviere et al. 2024, §2).

    Defaults: the model of 2 billion weights, where tokens see 4096 in every second layer, the first
    one included, but for its `num_key_value_heads` of 4 and its `head_width` of 256.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Gemma2(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                num_key_value_heads=2, head_width=16)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        Gemma.__init__,
        num_layers=26,
        d_model=2304,
        dff=9216,
        windows=lambda index: None if index % 2 else 4096,
        norm="sandwich",
        score_width=256.0,
        score_cap=50.0,
        logit_cap=30.0,
    )

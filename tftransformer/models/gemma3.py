"""Gemma3."""

from tftransformer.core import register, with_defaults
from tftransformer.models.gemma import Gemma


@register
class Gemma3(Gemma):
    """Gemma, with windows that turn faster, and norms of queries and keys (Kamath et al. 2025, §2).

    Defaults: the model of 1 billion weights, where tokens see 512 in five of six layers, but for
    its `num_key_value_heads` of 1 and its `head_width` of 256. Texts alone: there is no encoder of
    images.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Gemma3(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                num_key_value_heads=2, head_width=16)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        Gemma.__init__,
        vocab_size=262144,
        num_layers=26,
        d_model=1152,
        num_heads=4,
        dff=6912,
        num_positions=32768,
        windows=lambda index: 512 if (index + 1) % 6 else None,
        rotary_base=1000000.0,
        window_rotary_base=10000.0,
        query_key_norm=True,
        score_width=256.0,
        norm="sandwich",
    )

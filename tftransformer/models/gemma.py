"""Gemma."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Gemma(RotaryDecoder):
    """Llama, with token vectors times √d_model and gains around 0 (Mesnard et al. 2024, §2).

    Defaults: the model of 2 billion weights, but for its `num_key_value_heads` of 1.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Gemma(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...               head_width=16)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        vocab_size=256000,
        num_layers=18,
        d_model=2048,
        num_heads=8,
        dff=16384,
        num_positions=8192,
        activation="gelu_tanh",
        normalization="shifted_rms",
        scale=True,
        pad_id=0,
        end_id=1,
        tied=True,
    )

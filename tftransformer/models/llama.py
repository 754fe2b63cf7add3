"""Llama."""

from tftransformer.core import register
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Llama(RotaryDecoder):
    """A pre-norm stack with gated nets and rotary positions (Touvron et al. 2023).

    Defaults: the model of 7 billion weights. Llama 3 (Grattafiori et al. 2024) has `rotary_base`
    500000 and a `rotary_scaling`.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Llama(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...               num_key_value_heads=2)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

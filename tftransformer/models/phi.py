"""Phi."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class Phi(RotaryDecoder):
    """Attention and net side by side behind one norm (Gunasekar et al. 2023, §2.3).

    Half of the features of a head turn. Defaults: the model of 1.3 billion weights.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = Phi(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        vocab_size=51200,
        num_layers=24,
        d_model=2048,
        num_heads=32,
        dff=8192,
        rotary_share=0.5,
        attention_bias=True,
        feed_forward_bias=True,
        gated=False,
        activation="gelu_tanh",
        normalization="layer",
        epsilon=1e-5,
        parallel=1,
        head_bias=True,
    )

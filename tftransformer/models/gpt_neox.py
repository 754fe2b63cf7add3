"""GptNeoX."""

from tftransformer.core import register, with_defaults
from tftransformer.models.rotary_decoder import RotaryDecoder


@register
class GptNeoX(RotaryDecoder):
    """Attention and net side by side, each behind a norm (Black et al. 2022, §2).

    A quarter of the features of a head turn. Defaults: the model of 20 billion weights; models of
    the Pythia suite have smaller sizes and the same parts.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask` and
    `position_ids`. Heads and arguments are those of `RotaryDecoder`.

    Example:

    >>> model = GptNeoX(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(
        RotaryDecoder.__init__,
        vocab_size=50432,
        num_layers=44,
        d_model=6144,
        num_heads=64,
        dff=24576,
        rotary_share=0.25,
        attention_bias=True,
        feed_forward_bias=True,
        gated=False,
        activation="gelu",
        normalization="layer",
        epsilon=1e-5,
        parallel=2,
    )

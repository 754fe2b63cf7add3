"""XLMRoberta."""

from tftransformer.core import register, with_defaults
from tftransformer.models.roberta import Roberta


@register
class XLMRoberta(Roberta):
    """RoBERTa for a hundred languages (Conneau et al. 2020). Defaults: XLM-RoBERTa-base.

    It has, unlike `XLM`, no vectors of languages.

    Inputs are int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask`,
    `segment_ids`, `position_ids`. Heads and arguments are those of `Roberta`; by default there are
    250002 ids.

    Example:

    >>> model = XLMRoberta(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                    heads=["masked_lm"])
    >>> model(np.full((2, 7), 5, "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(Roberta.__init__, vocab_size=250002)

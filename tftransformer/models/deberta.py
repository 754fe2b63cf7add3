"""Deberta."""

from collections.abc import Callable
from typing import Any

from tftransformer.core import register, with_defaults, with_fixed
from tftransformer.models.deberta_v2 import DebertaV2


@register
class Deberta(DebertaV2):
    """The first version of `DebertaV2` (He et al. 2021). Defaults: the base model.

    Each distance up to `max_distance` has a vector of its own, which is not normalised and which
    each layer projects by weights of their own; the projections of keys, of tokens as of distances,
    have no biases; no convolution stands beside the first layer.

    Inputs, weights and arguments are those of `DebertaV2`: int ids (batch, length), or a dict of
    `token_ids` and optionally `padding_mask`, `segment_ids`, `position_ids`.

    Heads: those of `DebertaV2` without `multiple_choice`.

    Example:

    >>> model = Deberta(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                 heads=["masked_lm"])
    >>> model(np.ones((2, 7), "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    key_bias = False

    __init__ = with_fixed(
        with_defaults(DebertaV2.__init__, vocab_size=50265, terms=("c2p", "p2c")),
        buckets=None,
        shared=False,
        distance_norm=False,
        neighbours=0,
        convolution_activation="tanh",
    )

    def makers(
        self, language_model: Callable, dropout: float, pooler_dropout: float, activation: Any
    ) -> dict[str, Callable]:
        makers = super().makers(language_model, dropout, pooler_dropout, activation)
        del makers["multiple_choice"]
        return makers

"""Deberta."""

from collections.abc import Callable, Sequence
from typing import Any

from tftransformer.core import register
from tftransformer.masks import Mask
from tftransformer.models.deberta_v2 import DebertaV2
from tftransformer.models.headed_model import Heads


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

    def __init__(
        self,
        vocab_size: int = 50265,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        num_positions: int = 512,
        in_embeddings: bool = False,
        segments: int | None = None,
        relative: bool = True,
        max_distance: int | None = None,
        terms: Sequence[str] = ("c2p", "p2c"),
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        pooler_dropout: float = 0.0,
        activation: Any = "gelu",
        pooler_activation: Any = "gelu",
        epsilon: float = 1e-7,
        pad_id: int = 0,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("masked_lm",),
        **kwargs: Any,
    ):
        super().__init__(
            vocab_size,
            num_layers,
            d_model,
            num_heads,
            dff,
            num_positions=num_positions,
            in_embeddings=in_embeddings,
            segments=segments,
            relative=relative,
            max_distance=max_distance,
            buckets=None,
            terms=terms,
            shared=False,
            distance_norm=False,
            dropout=dropout,
            attention_dropout=attention_dropout,
            pooler_dropout=pooler_dropout,
            activation=activation,
            pooler_activation=pooler_activation,
            epsilon=epsilon,
            pad_id=pad_id,
            mask=mask,
            tied=tied,
            heads=heads,
            **kwargs,
        )

    def makers(
        self, language_model: Callable, dropout: float, pooler_dropout: float, activation: Any
    ) -> dict[str, Callable]:
        makers = super().makers(language_model, dropout, pooler_dropout, activation)
        del makers["multiple_choice"]
        return makers

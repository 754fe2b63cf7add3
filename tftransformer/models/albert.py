"""Albert."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from tftransformer.core import check_ints, register
from tftransformer.heads import SequenceHead, TokenHead
from tftransformer.masks import Mask
from tftransformer.models.bert import Bert
from tftransformer.models.headed_model import Heads

CLASSIFIER_DROPOUT = 0.1  # on the input of classifiers


@register
class Albert(Bert):
    """A BERT whose steps share their layers (Lan et al. 2020). Defaults: ALBERT-base, version 2.

    Step i of `num_layers` runs all layers of group ⌊i · num_groups / num_layers⌋, so that the stack
    has num_groups · inner_layers layers, whatever its depth. The embeddings are narrower than the
    stack, to which they are projected.

    Inputs are those of `Bert`: int ids (batch, length), or a dict of `token_ids` and optionally
    `padding_mask`, `segment_ids`, `position_ids`.

    Heads: `pooled`, `masked_lm`, `sentence_order` (for the objective
    `SentenceOrder(output="sentence_order")`), `sequence_classification`, `token_classification`,
    `span`, `multiple_choice`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of steps of the stack.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_groups: number of groups of layers.
        inner_layers: number of layers of a group.
        embedding_width: width of the tables of the embeddings, and of the language model head; see
            `TokenEmbeddings`.
        num_positions: number of positions.
        segments: number of segments.
        dropout: rate on embeddings and sublayers.
        attention_dropout: rate on the attention weights.
        activation: activation of the feed-forward nets and the language model head.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token.
        mask: attention mask; default `PaddingMask()`.
        tied: whether the language model head shares the token table.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = Albert(vocab_size=100, num_layers=6, d_model=32, num_heads=4, dff=64,
    ...                heads=["masked_lm"])
    >>> model(np.ones((2, 7), "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    >>> len(model.stack.layers), len({id(layer) for layer in model.stack.layers})
    (6, 1)
    """

    def __init__(
        self,
        vocab_size: int = 30000,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        num_groups: int = 1,
        inner_layers: int = 1,
        embedding_width: int = 128,
        num_positions: int = 512,
        segments: int = 2,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        activation: Any = "gelu_tanh",
        epsilon: float = 1e-12,
        pad_id: int = 0,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("pooled",),
        **kwargs: Any,
    ):
        check_ints(1, num_layers=num_layers, num_groups=num_groups, inner_layers=inner_layers)
        # Rounded as the reference rounds it, whose weights are trained for that.
        groups = [int(step / (num_layers / num_groups)) for step in range(num_layers)]
        super().__init__(
            vocab_size,
            num_groups * inner_layers,
            d_model,
            num_heads,
            dff,
            order=[group * inner_layers + n for group in groups for n in range(inner_layers)],
            embedding_width=embedding_width,
            num_positions=num_positions,
            segments=segments,
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation=activation,
            epsilon=epsilon,
            pad_id=pad_id,
            mask=mask,
            tied=tied,
            heads=heads,
            **kwargs,
        )

    @property
    def groups(self) -> list[list[keras.layers.Layer]]:
        """The layers of each group that some step runs."""
        layers = dict(zip(self.stack.order, self.stack.layers, strict=True))
        size = self.inner_layers
        return [
            [layers[first + n] for n in range(size)]
            for first in range(0, self.num_groups * size, size)
            if first in layers
        ]

    def makers(self, language_model: Callable) -> dict[str, Callable]:
        classifier = partial(SequenceHead, self.pooler, dropout=CLASSIFIER_DROPOUT)
        return {
            "pooled": lambda **_: self.pooler,
            "masked_lm": language_model,
            "sentence_order": partial(classifier, labels=["ordered", "swapped"]),
            "sequence_classification": classifier,
            "token_classification": partial(TokenHead, dropout=CLASSIFIER_DROPOUT),
            "span": partial(TokenHead, labels=["start", "end"]),
            "multiple_choice": partial(classifier, labels=1, squeeze=True),
        }

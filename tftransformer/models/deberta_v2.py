"""DebertaV2."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import MaskedLanguageModelHead, TokenHead
from tftransformer.layers import (
    Convolution,
    DisentangledAttention,
    DotProductScorer,
    MultiHeadAttention,
    TokenEmbeddings,
    make_norm,
)
from tftransformer.masks import Mask
from tftransformer.models.bert import transforming_classifier
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import DistanceVectors, LearnedPositions
from tftransformer.stacks import ConvolvedEncoder


@register
class DebertaV2(StackModel):
    """BERT, whose scores keep content and distance apart (He et al. 2021; version 3: 2023).

    Tokens are compared with vectors of their distances, which all layers share and project as they
    do tokens, and which stand for buckets of distances. Defaults: the base model of version 3.

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, `position_ids`, the last two where the embeddings have
    them. Weights start from a normal distribution of standard deviation 0.02.

    Heads: `masked_lm`, `sequence_classification`, `token_classification`, `span`,
    `multiple_choice`. With the input `mask_positions`, int (batch, masked), `masked_lm` predicts
    only the tokens at these positions.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: number of positions, where embeddings have some; and the default of
            `max_distance`.
        in_embeddings: whether embeddings have vectors of positions as well.
        segments: number of segments; None for none.
        relative: whether there are vectors of distances.
        max_distance: the largest distance that is told apart; default `num_positions`.
        buckets: how many buckets of distances there are in each direction; None: each distance up
            to `max_distance` is one.
        terms: "c2p", whether tokens look for distances; "p2c", whether distances look for tokens;
            see `DisentangledAttention`. The scores are divided by √(1 + number of terms), even if
            not `relative`.
        shared: whether vectors of distances are projected as tokens are, or by weights of their
            own.
        distance_norm: whether vectors of distances are normalised.
        neighbours: number of neighbours on either side that a convolution beside the first layer
            sees; 0 for none.
        convolution_activation: activation of the convolution.
        dropout: rate on embeddings, distances, sublayers and the input of classifiers.
        attention_dropout: rate on the attention weights.
        pooler_dropout: rate on the state that `sequence_classification` and `multiple_choice`
            transform.
        activation: activation of the feed-forward nets and the language model head.
        pooler_activation: activation of that transformation.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token.
        mask: attention mask; default `PaddingMask()`.
        tied: whether the language model head shares the token table.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = DebertaV2(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64, buckets=8,
    ...                   heads={"masked_lm": {}, "sequence_classification": {"labels": 3}})
    >>> model(np.ones((2, 7), "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    # What differs in version 1.
    key_bias = True

    def __init__(
        self,
        vocab_size: int = 128100,
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
        buckets: int | None = 256,
        terms: Sequence[str] = ("p2c", "c2p"),
        shared: bool = True,
        distance_norm: bool = True,
        neighbours: int = 0,
        convolution_activation: Any = "tanh",
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
        super().__init__(**kwargs)
        common = {"dtype": self.dtype_policy}
        initial = keras.initializers.RandomNormal(stddev=0.02)
        norm = partial(make_norm, "layer", epsilon, name="norm", **common)
        position = distances = None
        if in_embeddings:
            position = LearnedPositions(
                d_model, num_positions, initializer=initial, name="position", **common
            )
        if relative:
            farthest = max_distance or num_positions
            distances = DistanceVectors(
                d_model,
                buckets or farthest,
                max_distance=farthest if buckets else None,
                norm=norm() if distance_norm else None,
                initializer=initial,
                name="distances",
                **common,
            )
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            position=position,
            segments=segments,
            norm=norm(),
            scale=False,
            embeddings_initializer=initial,
            dropout=dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        attention: dict[str, Any] = {
            "dropout": attention_dropout,
            "key_bias": self.key_bias,
            "kernel_initializer": initial,
            "name": "attention",
            **common,
        }
        convolution = None
        if neighbours:
            convolution = Convolution(
                d_model,
                neighbours,
                activation=convolution_activation,
                dropout=dropout,
                kernel_initializer=initial,
                name="convolution",
                **common,
            )
        scale = (d_model // num_heads * (1 + len(terms))) ** -0.5
        self.stack = ConvolvedEncoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=mask,
            embeddings=embeddings,
            distances=distances,
            attention=DisentangledAttention(
                d_model,
                num_heads,
                terms=terms,
                shared=shared,
                distance_bias=self.key_bias,
                distance_dropout=dropout,
                **attention,
            )
            if relative and terms
            else MultiHeadAttention(
                d_model,
                num_heads,
                scorer=DotProductScorer(scale, name="scorer", **common),
                **attention,
            ),
            convolution=[convolution if index == 0 else None for index in range(num_layers)],
            norm="post",
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=initial,
            dropout=dropout,
            name="stack",
            **common,
        )
        language_model = partial(
            MaskedLanguageModelHead,
            vocab_size,
            d_model,
            activation=activation,
            epsilon=epsilon,
            tied_to=embeddings.table if tied else None,
        )
        self.make_heads(
            heads,
            self.makers(language_model, dropout, pooler_dropout, pooler_activation),
            kernel_initializer=initial,
        )
        self.build()

    def makers(
        self, language_model: Callable, dropout: float, pooler_dropout: float, activation: Any
    ) -> dict[str, Callable]:
        """Returns the functions that make the heads, by name.

        Args:
            language_model: makes the head of masked tokens.
            dropout: rate on the input of classifiers.
            pooler_dropout: rate on the state that classifiers of rows transform.
            activation: activation of that transformation.
        """
        classifier = partial(
            transforming_classifier,
            self.d_model,
            activation,
            dropout=dropout,
            before=pooler_dropout,
        )
        return {
            "masked_lm": language_model,
            "sequence_classification": classifier,
            "token_classification": partial(TokenHead, dropout=dropout),
            "span": partial(TokenHead, labels=["start", "end"]),
            "multiple_choice": partial(classifier, labels=1, squeeze=True),
        }

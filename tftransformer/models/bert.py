"""Bert."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import MaskedLanguageModelHead, Pooler, SequenceHead, TokenHead
from tftransformer.layers import TokenEmbeddings, make_norm
from tftransformer.masks import Mask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Encoder


@register
class Bert(StackModel):
    """A post-norm stack under a padding mask (Devlin et al. 2019). Defaults: BERT-base.

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, `position_ids`.

    All weights start from a normal distribution of standard deviation 0.02, cut off at twice that.

    Heads: `pooled`, `masked_lm`, `next_sentence`, `sequence_classification`,
    `token_classification`, `span`, `multiple_choice`; and `lm`, the head of `masked_lm` for a stack
    under `CausalMask() & PaddingMask()`. With the input `mask_positions`, int (batch, masked),
    `masked_lm` predicts only the tokens at these positions.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: number of positions.
        segments: number of segments; None for none.
        embedding_width: width of the tables of the embeddings, where they are factorised, and of
            the language model heads; see `TokenEmbeddings`.
        order: which layer each step of the stack runs, see `Encoder`.
        dropout: rate on embeddings, sublayers and the input of classifiers.
        attention_dropout: rate on the attention weights.
        activation: activation of the feed-forward nets and the language model head.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token.
        mask: attention mask; default `PaddingMask()`.
        tied: whether the language model heads share the token table.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = Bert(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...              heads={"masked_lm": {}, "sequence_classification": {"labels": 3}})
    >>> model(np.ones((2, 7), "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    def __init__(
        self,
        vocab_size: int = 30522,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        num_positions: int = 512,
        segments: int | None = 2,
        embedding_width: int | None = None,
        order: Sequence[int] | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation: Any = "gelu",
        epsilon: float = 1e-12,
        pad_id: int = 0,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("pooled",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.pad_id, self.dropout = pad_id, dropout
        common = {"dtype": self.dtype_policy}
        initial = self.initializer()
        width = embedding_width or d_model
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            width=embedding_width,
            position=LearnedPositions(
                width,
                num_positions,
                offset=self.first_position,
                initializer=initial,
                name="position",
                **common,
            ),
            segments=segments,
            norm=make_norm("layer", epsilon, name="norm", **common),
            scale=False,
            embeddings_initializer=initial,
            kernel_initializer=initial,
            dropout=dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=mask,
            embeddings=embeddings,
            order=order,
            norm="post",
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=initial,
            dropout=dropout,
            attention_dropout=attention_dropout,
            name="stack",
            **common,
        )
        self.pooler = Pooler("first", d_model, kernel_initializer=initial, name="pooled", **common)
        language_model = partial(
            MaskedLanguageModelHead,
            vocab_size,
            width,
            activation=activation,
            epsilon=epsilon,
            tied_to=embeddings.table if tied else None,
        )
        self.make_heads(heads, self.makers(language_model), kernel_initializer=initial)
        self.build()

    @staticmethod
    def initializer() -> keras.initializers.Initializer:
        """Returns the initializer of all weights but biases and norms."""
        return keras.initializers.TruncatedNormal(stddev=0.02)

    @property
    def first_position(self) -> int:
        """Row of the position table for the first token."""
        return 0

    def makers(self, language_model: Callable) -> dict[str, Callable]:
        """Returns the functions that make the heads, by name."""
        classifier = partial(SequenceHead, self.pooler, dropout=self.dropout)
        return {
            "pooled": lambda **_: self.pooler,
            "masked_lm": language_model,
            "lm": language_model,
            "next_sentence": partial(SequenceHead, self.pooler, labels=["next", "random"]),
            "sequence_classification": classifier,
            "token_classification": partial(TokenHead, dropout=self.dropout),
            "span": partial(TokenHead, labels=["start", "end"]),
            "multiple_choice": partial(classifier, labels=1, squeeze=True),
        }


def transforming_classifier(
    width: int,
    activation: Any,
    *,
    dropout: float,
    dtype: Any,
    kernel_initializer: Any,
    before: float | None = None,
    **given: Any,
) -> SequenceHead:
    """Returns a classifier that transforms the first token by itself, without `pooled`.

    Args:
        width: width of the stack.
        activation: activation of the transformation.
        dropout: rate on the transformed state.
        dtype: dtype policy.
        kernel_initializer: initializer of both projections.
        before: rate on the state before the transformation; default: `dropout`.
        **given: further arguments of the `SequenceHead`.
    """
    common = {"kernel_initializer": kernel_initializer, "dtype": dtype}
    before = dropout if before is None else before
    transformed = Pooler(
        "first", width, activation=activation, dropout=before, name="transformed", **common
    )
    return SequenceHead(transformed, dropout=dropout, **given, **common)

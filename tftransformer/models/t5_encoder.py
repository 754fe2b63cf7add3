"""T5Encoder, and the stacks of T5."""

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import TokenHead
from tftransformer.layers import (
    DotProductScorer,
    FeedForward,
    MultiHeadAttention,
    TokenEmbeddings,
)
from tftransformer.masks import Mask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import BucketedBias
from tftransformer.stacks import Decoder, Encoder


@register
class T5Encoder(StackModel):
    """The encoder of `T5` alone.

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`.

    Heads: `token_classification`.

    Args:
        vocab_size, num_layers, …, epsilon: as for `T5`.
        pad_id: id of the padding token.
        mask: attention mask; default `PaddingMask()`.
        heads: see `HeadedModel.make_heads`.
    """

    def __init__(
        self,
        vocab_size: int = 32128,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        head_width: int = 64,
        num_buckets: int = 32,
        max_distance: int = 128,
        activation: Any = "relu",
        gated: bool = False,
        dropout: float = 0.1,
        classifier_dropout: float = 0.0,
        epsilon: float = 1e-6,
        pad_id: int = 0,
        mask: Mask | None = None,
        heads: Heads = (),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.stack = t5_stack(
            Encoder,
            self._arguments,
            t5_table(vocab_size, d_model, self.dtype_policy),
            num_layers=num_layers,
            pad_id=pad_id,
            mask=mask,
            name="stack",
        )
        self.make_heads(
            heads,
            {"token_classification": partial(TokenHead, dropout=classifier_dropout)},
            kernel_initializer=normal(d_model),
        )
        self.build()


def normal(fan_in: int) -> keras.initializers.Initializer:
    """Returns an initializer of T5 weights; each product keeps the variance."""
    return keras.initializers.RandomNormal(stddev=fan_in**-0.5)


def t5_table(vocab_size: int, d_model: int, dtype: Any) -> keras.layers.Embedding:
    """Returns the token table, with unit variance, since it is not scaled."""
    return keras.layers.Embedding(
        vocab_size,
        d_model,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        dtype=dtype,
        name="table",
    )


def t5_stack(
    stack_class: type[Encoder],
    arguments: Mapping[str, Any],
    table: keras.layers.Embedding,
    *,
    pad_id: int | None,
    **given: Any,
) -> Encoder:
    """Returns a stack of T5.

    Args:
        stack_class: `Encoder` or `Decoder`.
        arguments: the arguments of the model, by name.
        table: table of the tokens.
        pad_id: id of the padding token for the embeddings, or None.
        **given: further arguments of the stack: its depth, masks and name.
    """
    of = SimpleNamespace(**arguments)
    is_decoder, common = issubclass(stack_class, Decoder), {"dtype": table.dtype_policy}

    def attention(name: str) -> MultiHeadAttention:
        return MultiHeadAttention(
            of.d_model,
            of.num_heads,
            of.head_width,
            dropout=of.dropout,
            use_bias=False,
            scorer=DotProductScorer(1.0, name="scorer", **common),
            kernel_initializer=normal(of.d_model),
            query_initializer=normal(of.d_model * of.head_width),  # the scale that the scores lack
            output_initializer=normal(of.num_heads * of.head_width),
            name=name,
            **common,
        )

    if is_decoder:
        given["cross_attention"] = attention("cross_attention")
    return stack_class(
        d_model=of.d_model,
        num_heads=of.num_heads,
        dff=of.dff,
        embeddings=TokenEmbeddings(
            of.vocab_size,
            of.d_model,
            scale=False,
            dropout=of.dropout,
            pad_id=pad_id,
            table=table,
            name="embeddings",
            **common,
        ),
        position_bias=BucketedBias(
            of.num_heads,
            of.num_buckets,
            of.max_distance,
            bidirectional=not is_decoder,
            initializer=normal(of.d_model),
            name="position_bias",
            **common,
        ),
        attention=attention("attention"),
        feed_forward=FeedForward(
            of.d_model,
            of.dff,
            activation=of.activation,
            dropout=of.dropout,
            use_bias=False,
            kernel_initializer=normal(of.d_model),
            output_initializer=normal(of.dff),
            gated=of.gated,
            name="feed_forward",
            **common,
        ),
        norm="pre",
        normalization="rms",
        epsilon=of.epsilon,
        dropout=of.dropout,
        output_dropout=of.dropout,
        **common,
        **given,
    )

"""T5Encoder, and the stacks of T5."""

from functools import partial
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

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and, where
    there is one, `padding_mask`.

    Heads: `token_classification`.

    Args:
        vocab_size, num_layers, …, epsilon: as for `T5`.
        pad_id: the id that is padding.
        mask: who may see whom; default `PaddingMask()`.
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
        common = {"dtype": self.dtype_policy}
        self.stack = t5_stack(
            Encoder,
            d_model=d_model,
            num_heads=num_heads,
            dff=dff,
            head_width=head_width,
            num_buckets=num_buckets,
            max_distance=max_distance,
            activation=activation,
            gated=gated,
            dropout=dropout,
            epsilon=epsilon,
            table=t5_table(vocab_size, d_model, **common),
            pad_id=pad_id,
            num_layers=num_layers,
            mask=mask,
            name="stack",
            **common,
        )
        self.make_heads(
            heads,
            {"token_classification": partial(TokenHead, dropout=classifier_dropout)},
            kernel_initializer=normal(d_model),
        )
        self.build()


def normal(fan_in: int) -> keras.initializers.Initializer:
    """Returns what the weights of T5 start from: each product keeps the variance."""
    return keras.initializers.RandomNormal(stddev=fan_in**-0.5)


def t5_table(vocab_size: int, d_model: int, dtype: Any) -> keras.layers.Embedding:
    """Returns the table of the tokens: unit variance, for there is no factor behind it."""
    return keras.layers.Embedding(
        vocab_size,
        d_model,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        dtype=dtype,
        name="table",
    )


def t5_stack(
    stack_class: type[Encoder],
    d_model: int,
    num_heads: int,
    dff: int,
    head_width: int,
    num_buckets: int,
    max_distance: int,
    activation: Any,
    gated: bool,
    dropout: float,
    epsilon: float,
    table: keras.layers.Embedding,
    pad_id: int | None,
    dtype: Any,
    **given: Any,
) -> Encoder:
    """Returns a stack as T5 has them; the arguments are those of `T5` and of the stack."""
    is_decoder = issubclass(stack_class, Decoder)

    def attention(name: str) -> MultiHeadAttention:
        return MultiHeadAttention(
            d_model,
            num_heads,
            head_width,
            dropout=dropout,
            use_bias=False,
            scorer=DotProductScorer(1.0, dtype=dtype, name="scorer"),
            kernel_initializer=normal(d_model),
            query_initializer=normal(d_model * head_width),  # the scale that the scores lack
            output_initializer=normal(num_heads * head_width),
            dtype=dtype,
            name=name,
        )

    if is_decoder:
        given["cross_attention"] = attention("cross_attention")
    return stack_class(
        d_model=d_model,
        num_heads=num_heads,
        dff=dff,
        embeddings=TokenEmbeddings(
            table.input_dim,
            d_model,
            scale=False,
            dropout=dropout,
            pad_id=pad_id,
            table=table,
            dtype=dtype,
            name="embeddings",
        ),
        position_bias=BucketedBias(
            num_heads,
            num_buckets,
            max_distance,
            bidirectional=not is_decoder,
            initializer=normal(d_model),
            dtype=dtype,
            name="position_bias",
        ),
        attention=attention("attention"),
        feed_forward=FeedForward(
            d_model,
            dff,
            activation=activation,
            dropout=dropout,
            use_bias=False,
            kernel_initializer=normal(d_model),
            output_initializer=normal(dff),
            gated=gated,
            dtype=dtype,
            name="feed_forward",
        ),
        norm="pre",
        normalization="rms",
        epsilon=epsilon,
        dropout=dropout,
        dtype=dtype,
        **given,
    )

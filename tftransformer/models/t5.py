"""T5."""

from collections.abc import Sequence
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import (
    DotProductScorer,
    FeedForward,
    MultiHeadAttention,
    TokenEmbeddings,
)
from tftransformer.masks import Mask
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.models.transformer import both
from tftransformer.positions import BucketedBias
from tftransformer.stacks import Decoder, Encoder


@register
class T5(EncoderDecoder):
    """The encoder-decoder of "Exploring the Limits of Transfer Learning" (Raffel et al. 2020).

    Next to `Transformer`: RMS norm before each sublayer and at the end of each stack, no biases,
    scores that are not scaled, and in place of positions a `BucketedBias` on the scores of the
    self-attention. The defaults are those of version 1.0; version 1.1 is
    `activation="gelu_tanh", gated=True, tied=False`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers of each stack, or a pair (encoder, decoder).
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        head_width: width of one head, which need not be `d_model // num_heads`.
        num_buckets: of the position bias.
        max_distance: of the position bias, in tokens.
        activation: of the feed-forward nets.
        gated: whether a second projection gates the activation.
        tied: whether the table of the tokens gives the logits, `(h · d_model^−½) Eᵀ`; else the
            head has weights of its own.
        dropout: rate on embeddings, attention weights, sublayers and inside feed-forward nets.
        epsilon: of the norms.
        pad_id: the id that is padding in the source. A target starts with it too, so target
            padding is what `target_padding_mask` says; left out, nothing is.
        encoder_mask: of the encoder; default `PaddingMask()`.
        decoder_mask: of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: of the decoder's attention to the encoder; default `PaddingMask()`.

    Example:

    >>> model = T5(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64, head_width=8)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]}).shape
    TensorShape([3, 5, 100])
    """

    def __init__(
        self,
        vocab_size: int = 32128,
        num_layers: int | Sequence[int] = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        head_width: int = 64,
        num_buckets: int = 32,
        max_distance: int = 128,
        activation: Any = "relu",
        gated: bool = False,
        tied: bool = True,
        dropout: float = 0.1,
        epsilon: float = 1e-6,
        pad_id: int = 0,
        encoder_mask: Mask | None = None,
        decoder_mask: Mask | None = None,
        cross_mask: Mask | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.pad_id, self.tied = d_model, pad_id, tied
        dtype = self.dtype_policy
        table = keras.layers.Embedding(
            vocab_size,
            d_model,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
            dtype=dtype,
            name="table",
        )

        def sockets(bidirectional: bool, pad_id: int | None) -> dict[str, Any]:
            """What the two stacks have in common, and what not."""
            return {
                "embeddings": TokenEmbeddings(
                    vocab_size,
                    d_model,
                    scale=False,
                    dropout=dropout,
                    pad_id=pad_id,
                    table=table,
                    dtype=dtype,
                    name="embeddings",
                ),
                "position_bias": BucketedBias(
                    num_heads,
                    num_buckets,
                    max_distance,
                    bidirectional,
                    keras.initializers.RandomNormal(stddev=d_model**-0.5),
                    dtype=dtype,
                    name="position_bias",
                ),
                "attention": attention("attention"),
                "feed_forward": FeedForward(
                    d_model,
                    dff,
                    activation,
                    dropout=dropout,
                    use_bias=False,
                    gated=gated,
                    dtype=dtype,
                    name="feed_forward",
                ),
                "norm": "pre",
                "normalization": "rms",
                "epsilon": epsilon,
                "dropout": dropout,
                "dtype": dtype,
            }

        def attention(name: str) -> MultiHeadAttention:
            return MultiHeadAttention(
                d_model,
                num_heads,
                head_width,
                dropout=dropout,
                use_bias=False,
                scorer=DotProductScorer(1.0, dtype=dtype, name="scorer"),
                # The scale that the scores lack.
                query_initializer=keras.initializers.RandomNormal(
                    stddev=(d_model * head_width) ** -0.5
                ),
                dtype=dtype,
                name=name,
            )

        layers = both(num_layers)
        self.encoder = Encoder(
            layers[0],
            d_model,
            num_heads,
            dff,
            mask=encoder_mask,
            name="encoder",
            **sockets(bidirectional=True, pad_id=pad_id),
        )
        self.decoder = Decoder(
            layers[1],
            d_model,
            num_heads,
            dff,
            mask=decoder_mask,
            cross_mask=cross_mask,
            cross_attention=attention("cross_attention"),
            name="decoder",
            **sockets(bidirectional=False, pad_id=None),
        )
        self.head = LanguageModelHead(
            vocab_size, tied_to=table if tied else None, dtype=dtype, name="head"
        )
        self.build()

    def logits(self, hidden: Any) -> Any:
        return self.head(hidden * self.d_model**-0.5 if self.tied else hidden)

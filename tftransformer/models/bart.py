"""Bart."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import TokenEmbeddings, make_norm
from tftransformer.masks import Mask
from tftransformer.models.headed_encoder_decoder import HeadedEncoderDecoder
from tftransformer.models.headed_model import Heads
from tftransformer.models.transformer import both
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Decoder, Encoder

# The row of its table that the first position has.
OFFSET = 2


@register
class Bart(HeadedEncoderDecoder):
    """The encoder-decoder of "BART" (Lewis et al. 2020), which summarizes and translates.

    It differs from `Transformer` in learned positions, a norm on the embeddings of each stack,
    gelu, and a bias on each logit. Defaults: the base model. Positions are column numbers, padding
    included.

    Inputs, outputs and heads: those of `HeadedEncoderDecoder`. Inputs are a dict of int
    `source_ids` and `target_ids`, (batch, length) each, and optionally bool `source_padding_mask`
    and `target_padding_mask`, True = a real token.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers of each stack; like `num_heads` and `dff`, one number for both
            stacks, or a pair (encoder, decoder).
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: number of positions.
        scale_embeddings: whether the vectors of tokens are multiplied by √d_model.
        dropout: rate on embeddings and on the output of each sublayer.
        attention_dropout: rate on the attention weights.
        activation_dropout: rate inside the feed-forward nets.
        classifier_dropout: rate on the input of classifiers.
        activation: activation of the feed-forward nets.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token in the source.
        start_id: id of the token that targets start with.
        end_id: id of the token that sources and targets end with.
        encoder_mask: mask of the encoder; default `PaddingMask()`.
        decoder_mask: mask of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: mask of the decoder's attention to the encoder; default `PaddingMask()`.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = Bart(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]})["lm"].shape
    TensorShape([3, 5, 100])
    """

    norm = "post"  # where the norms of the layers are

    def __init__(
        self,
        vocab_size: int = 50265,
        num_layers: int | Sequence[int] = 6,
        d_model: int = 768,
        num_heads: int | Sequence[int] = 12,
        dff: int | Sequence[int] = 3072,
        *,
        num_positions: int = 1024,
        scale_embeddings: bool = False,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        classifier_dropout: float = 0.0,
        activation: Any = "gelu",
        epsilon: float = 1e-5,
        pad_id: int = 1,
        start_id: int = 2,
        end_id: int = 2,
        encoder_mask: Mask | None = None,
        decoder_mask: Mask | None = None,
        cross_mask: Mask | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.pad_id = d_model, pad_id
        self.start_id, self.end_id = start_id, end_id
        self.source_vocab_size = self.target_vocab_size = vocab_size
        self.num_positions = num_positions
        initial = keras.initializers.RandomNormal(stddev=0.02)
        common = {"dtype": self.dtype_policy}
        layers, head_counts, widths = (both(size) for size in (num_layers, num_heads, dff))

        def embeddings(pad_id: int | None, table: Any = None) -> TokenEmbeddings:
            return TokenEmbeddings(
                vocab_size,
                d_model,
                position=LearnedPositions(
                    d_model,
                    num_positions,
                    offset=OFFSET,
                    initializer=initial,
                    name="position",
                    **common,
                ),
                norm=make_norm("layer", epsilon, name="norm", **common),
                scale=scale_embeddings,
                dropout=dropout,
                embeddings_initializer=initial,
                pad_id=pad_id,
                table=table,
                name="embeddings",
                **common,
            )

        options: dict[str, Any] = {
            "norm": self.norm,
            "activation": activation,
            "epsilon": epsilon,
            "kernel_initializer": initial,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation_dropout": activation_dropout,
            **common,
        }
        source = embeddings(pad_id)
        self.encoder = Encoder(
            layers[0],
            d_model,
            head_counts[0],
            widths[0],
            mask=encoder_mask,
            embeddings=source,
            name="encoder",
            **options,
        )
        self.decoder = Decoder(
            layers[1],
            d_model,
            head_counts[1],
            widths[1],
            mask=decoder_mask,
            cross_mask=cross_mask,
            embeddings=embeddings(None, source.table),
            name="decoder",
            **options,
        )
        language_model = partial(LanguageModelHead, vocab_size, tied_to=source.table, use_bias=True)
        makers = self.makers(language_model, end_id, classifier_dropout, initial)
        self.make_heads(heads, makers, kernel_initializer=initial)
        self.build()

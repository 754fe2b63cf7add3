"""T5."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead
from tftransformer.masks import Mask
from tftransformer.models.headed_encoder_decoder import HeadedEncoderDecoder
from tftransformer.models.headed_model import Heads
from tftransformer.models.t5_encoder import normal, t5_stack, t5_table
from tftransformer.models.transformer import both
from tftransformer.stacks import Decoder, Encoder


@register
class T5(HeadedEncoderDecoder):
    """The encoder-decoder of "Exploring the Limits of Transfer Learning" (Raffel et al. 2020).

    It differs from `Transformer` in RMS norms before each sublayer and at the end of each stack, no
    biases, unscaled attention scores, and, in place of position encodings, a `BucketedBias` on the
    scores of the self-attention. Defaults: version 1.0, base; version 1.1 is
    `activation="gelu_tanh", gated=True, tied=False`.

    Inputs, outputs and heads: those of `HeadedEncoderDecoder`. Inputs are a dict of int
    `source_ids` and `target_ids`, (batch, length) each, and optionally bool `source_padding_mask`
    and `target_padding_mask`, True = a real token.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers of each stack, or a pair (encoder, decoder).
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        head_width: width of one head; it need not be `d_model // num_heads`.
        num_buckets: number of buckets of the position bias.
        max_distance: largest distance of the position bias, in tokens.
        activation: activation of the feed-forward nets.
        gated: whether a second projection gates the activation.
        tied: whether the logits are computed with the token table, `(h · d_model^−½) Eᵀ`; otherwise
            the head has its own weights.
        dropout: rate on embeddings, attention weights, sublayers, inside feed-forward nets and on
            what each stack returns.
        classifier_dropout: rate on the input of classifiers.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token in the source.
        start_id: id of the token that targets start with.
        end_id: id of the token that sources end with.
        encoder_mask: mask of the encoder; default `PaddingMask()`.
        decoder_mask: mask of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: mask of the decoder's attention to the encoder; default `PaddingMask()`.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = T5(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64, head_width=8)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]})["lm"].shape
    TensorShape([3, 5, 100])
    """

    def __init__(
        self,
        vocab_size: int = 32128,
        num_layers: int | Sequence[int] = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        head_width: int = 64,
        num_buckets: int = 32,
        max_distance: int = 128,
        activation: Any = "relu",
        gated: bool = False,
        tied: bool = True,
        dropout: float = 0.1,
        classifier_dropout: float = 0.0,
        epsilon: float = 1e-6,
        pad_id: int = 0,
        start_id: int = 0,
        end_id: int = 1,
        encoder_mask: Mask | None = None,
        decoder_mask: Mask | None = None,
        cross_mask: Mask | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.pad_id, self.start_id = d_model, pad_id, start_id
        self.source_vocab_size = self.target_vocab_size = vocab_size
        table = t5_table(vocab_size, d_model, self.dtype_policy)
        recipe: Callable[..., Any] = partial(t5_stack, arguments=self._arguments, table=table)
        layers = both(num_layers)
        self.encoder = recipe(
            Encoder, num_layers=layers[0], mask=encoder_mask, pad_id=pad_id, name="encoder"
        )
        self.decoder = recipe(
            Decoder,
            num_layers=layers[1],
            mask=decoder_mask,
            cross_mask=cross_mask,
            pad_id=None,
            name="decoder",
        )

        language_model = partial(
            LanguageModelHead,
            vocab_size,
            tied_to=table if tied else None,
            scale=d_model**-0.5 if tied else 1.0,
        )
        initial = normal(d_model)
        makers = self.makers(language_model, end_id, classifier_dropout, initial)
        self.make_heads(heads, makers, kernel_initializer=initial)
        self.build()

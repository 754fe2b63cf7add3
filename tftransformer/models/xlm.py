"""XLM."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.heads import (
    LanguageModelHead,
    Pooler,
    SequenceHead,
    SpanBeamHead,
    TokenHead,
)
from tftransformer.layers import TokenEmbeddings, make_norm
from tftransformer.masks import CausalMask, Mask, PaddingMask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions, SinusoidalPositions
from tftransformer.stacks import Encoder


@register
class XLM(StackModel):
    """A post-norm stack over many languages (Lample and Conneau 2019). Vectors of padding are
    exactly zero.

    Inputs are those of `StackModel`, int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids` (looked up in the token table), `position_ids`,
    `language_ids`, int (batch, length); and `lengths`, int (batch,), in place of a `padding_mask`
    for padding on the right. Without either, the length of a row is the number of ids that are not
    the pad id; if it begins with padding, its tokens are all such ids.

    Embeddings start with the standard deviation 1/√d_model, other weights with 0.02.

    Heads: `lm`, a masked or, with `causal`, a causal language model; with the input
    `mask_positions`, int (batch, masked), it predicts only the tokens at these positions;
    `sequence_classification`, `token_classification`, `span`, `span_beam`, `multiple_choice`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets; default `4 · d_model`.
        num_positions: number of positions.
        languages: number of languages; a single one is not embedded.
        embed_languages: whether languages are embedded; if not, `language_ids` are ignored.
        sinusoidal: whether the position table holds fixed sines and cosines.
        causal: whether each token sees only itself and the tokens before it, padding included.
        dropout: rate on embeddings and sublayers.
        attention_dropout: rate on the attention weights.
        summary_dropout: rate on what classifiers of sequences read.
        activation: activation of the feed-forward nets.
        epsilon: added to the variance in the norms.
        choice_width: how many features of the first token the head `multiple_choice` reads.
        starts: how many starts of a span the head `span_beam` tries.
        ends: how many ends it keeps for each.
        pad_id: id of the padding token.
        mask: attention mask; default: as `causal` says.
        tied: whether the language model head shares the token table.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = XLM(vocab_size=100, num_layers=2, d_model=32, num_heads=4, languages=3)
    >>> ids = np.ones((2, 7), "int32")
    >>> model({"token_ids": ids, "language_ids": 2 * ids})["lm"].shape
    TensorShape([2, 7, 100])
    """

    input_names = (*StackModel.input_names, "lengths")

    def __init__(
        self,
        vocab_size: int = 30145,
        num_layers: int = 12,
        d_model: int = 2048,
        num_heads: int = 16,
        dff: int | None = None,
        *,
        num_positions: int = 512,
        languages: int = 1,
        embed_languages: bool = True,
        sinusoidal: bool = False,
        causal: bool = False,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        summary_dropout: float = 0.1,
        activation: Any = "gelu",
        epsilon: float = 1e-12,
        choice_width: int = 2,
        starts: int = 5,
        ends: int = 5,
        pad_id: int = 2,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        common = {"dtype": self.dtype_policy}
        initial = keras.initializers.RandomNormal(stddev=0.02)
        embedded = keras.initializers.RandomNormal(stddev=d_model**-0.5)
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            position=LearnedPositions(
                d_model,
                num_positions,
                initializer=sinusoids if sinusoidal else embedded,
                trained=not sinusoidal,
                name="position",
                **common,
            ),
            segments="tokens",
            languages=languages if embed_languages and languages > 1 else None,
            norm=make_norm("layer", epsilon, name="norm", **common),
            embeddings_initializer=embedded,
            scale=False,
            dropout=dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        if mask is None:
            mask = CausalMask() if causal else PaddingMask()
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff or 4 * d_model,
            mask=mask,
            embeddings=embeddings,
            zero_padding=True,
            norm="post",
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=initial,
            dropout=dropout,
            attention_dropout=attention_dropout,
            name="stack",
            **common,
        )
        language_model = partial(
            LanguageModelHead,
            vocab_size,
            tied_to=embeddings.table if tied else None,
            use_bias=True,
        )
        self.make_heads(
            heads,
            {
                "lm": language_model,
                "sequence_classification": partial(first_token, summary_dropout),
                "token_classification": partial(TokenHead, dropout=dropout),
                "span": partial(TokenHead, labels=["start", "end"]),
                "span_beam": partial(
                    SpanBeamHead, d_model, starts=starts, ends=ends, epsilon=epsilon
                ),
                "multiple_choice": partial(choice, summary_dropout, choice_width),
            },
            kernel_initializer=initial,
        )
        if not causal:  # one head both writes and fills masks, and is trained for one of the two
            self.masked_head = "lm"
        self.build()

    def head_output(
        self, name: str, hidden: Any, inputs: Mapping[str, Any], training: bool | None
    ) -> Any:
        if name == "lm" and "mask_positions" in inputs:
            hidden = ops.take_along_axis(hidden, inputs["mask_positions"][:, :, None], axis=1)
        return super().head_output(name, hidden, inputs, training)

    def with_defaults(self, inputs: Any) -> dict[str, Any]:
        inputs = self.named(inputs)
        given = "padding_mask" in inputs
        inputs = super().with_defaults(inputs)
        embeddings: Any = self.stack.embeddings
        if embeddings.languages is None:
            inputs.pop("language_ids", None)
        if not given:
            mask = inputs["padding_mask"]
            lengths = inputs.get("lengths")
            if lengths is None:
                lengths = ops.sum(ops.cast(mask, "int32"), axis=-1)
            columns = ops.arange(ops.shape(mask)[-1])
            by_length = ops.less(columns, ops.expand_dims(ops.cast(lengths, "int32"), -1))
            if "lengths" not in inputs:  # padding at the begin of a row is none of its tokens
                by_length = ops.where(mask[..., :1], by_length, mask)
            inputs["padding_mask"] = by_length
        return inputs


@register
def sinusoids(shape: tuple[int, int], dtype: Any = None) -> Any:
    """Initializer of a position table: the sines and cosines of Vaswani et al. 2017, §3.5."""
    return ops.cast(SinusoidalPositions(shape[1])(ops.arange(shape[0])), dtype or "float32")


def first_token(dropout: float, dtype: Any, **given: Any) -> SequenceHead:
    """Returns a classifier that reads the first token."""
    pooler = Pooler("first", dtype=dtype, name="pooler")
    return SequenceHead(pooler, **{"dropout": dropout, **given}, dtype=dtype)


def choice(dropout: float, width: int, dtype: Any, **given: Any) -> SequenceHead:
    """Returns a head for multiple choice over some features of the first token."""
    pooler = Pooler(
        "first",
        width,
        activation="linear",
        dropout=dropout,
        kernel_initializer=given.get("kernel_initializer", "glorot_uniform"),
        dtype=dtype,
        name="pooler",
    )
    return SequenceHead(pooler, labels=1, squeeze=True, **given, dtype=dtype)

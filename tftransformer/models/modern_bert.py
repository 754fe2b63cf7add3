"""ModernBert."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from tftransformer.core import check_choice, check_ints, register
from tftransformer.heads import (
    AllTokensPooler,
    MaskedLanguageModelHead,
    Pooler,
    SequenceHead,
    TokenHead,
    Transform,
)
from tftransformer.layers import (
    FeedForward,
    MultiHeadAttention,
    Residual,
    TokenEmbeddings,
    make_norm,
)
from tftransformer.masks import Mask, PaddingMask, SlidingWindowMask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import RotaryPositions
from tftransformer.stacks import Encoder

POOLERS = ("first", "mean")


def normal(stddev: float) -> keras.initializers.Initializer:
    """Returns an initializer of ModernBERT's weights."""
    return keras.initializers.TruncatedNormal(stddev=stddev)


@register
class ModernBert(StackModel):
    """A pre-norm stack that looks at a window in most layers (ModernBERT, Warner et al. 2024).

    Queries and keys are rotated by their positions, with one base where a layer sees the whole
    text and another where it sees a window; the feed-forward nets are gated; norms and projections
    have no biases. Defaults: the base model.

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `position_ids`. There are no segments. Positions turn queries and
    keys; a window counts columns.

    Weights start from a normal distribution of standard deviation 0.02, cut off at twice that;
    those of the projections that add to the residual stream, and of the transformation of the
    heads, are smaller by √(2 · num_layers); classifiers start from 1/√d_model.

    Heads: `masked_lm`, `sequence_classification`, `token_classification`, `span`,
    `multiple_choice`. Each transforms the states first. With the input `mask_positions`, int
    (batch, masked), `masked_lm` predicts only the tokens at these positions.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        global_layers: which layers see the whole text: every so many, from the first on; or their
            numbers, from 0.
        window: how many tokens a token sees in the other layers beside itself, half of them on
            either side.
        global_base: base of the rotary frequencies in layers that see the whole text.
        local_base: the same in the others.
        attention_dropout: rate on the attention weights, and on what the attention returns.
        feed_forward_dropout: rate inside the feed-forward nets.
        embedding_dropout: rate on embeddings.
        activation: activation of the feed-forward nets.
        head_activation: activation of the transformation in the heads.
        pooling: the vector that `sequence_classification` and `multiple_choice` read: "first",
            that of the first column (`multiple_choice`: of the first token, wherever padding
            is), or "mean", the mean of all tokens.
        epsilon: added to the variance in the norms.
        attention_bias: whether the projections of the attention have biases.
        feed_forward_bias: whether those of the feed-forward nets have some.
        norm_bias: whether the norms have biases.
        head_bias: whether the transformation in the heads has a bias.
        output_bias: whether `masked_lm` has a bias for each token.
        pad_id: id of the padding token; None if only a `padding_mask` marks padding.
        mask: attention mask of all layers; default `PaddingMask()`.
        tied: whether `masked_lm` shares the token table.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = ModernBert(vocab_size=100, num_layers=4, d_model=32, num_heads=4, dff=48, window=8,
    ...                    pad_id=0, heads={"sequence_classification": {"labels": 3}})
    >>> model(np.ones((2, 7), "int32"))["sequence_classification"].shape
    TensorShape([2, 3])
    """

    def __init__(
        self,
        vocab_size: int = 50368,
        num_layers: int = 22,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 1152,
        *,
        global_layers: int | Sequence[int] = 3,
        window: int = 128,
        global_base: float = 160000.0,
        local_base: float = 10000.0,
        attention_dropout: float = 0.0,
        feed_forward_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        activation: Any = "gelu",
        head_activation: Any = "gelu",
        pooling: str = "first",
        epsilon: float = 1e-5,
        attention_bias: bool = False,
        feed_forward_bias: bool = False,
        norm_bias: bool = False,
        head_bias: bool = False,
        output_bias: bool = True,
        pad_id: int | None = 50283,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("masked_lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice(POOLERS, pooling=pooling)
        self.pooling = pooling
        whole = PaddingMask() if mask is None else mask
        is_global = seen_whole(global_layers, num_layers)
        common = {"dtype": self.dtype_policy}
        # The sum of all layers keeps its variance (as in GPT-2).
        initial, output_initial = normal(0.02), normal(0.02 * (2 * num_layers) ** -0.5)
        norm = partial(make_norm, "layer", epsilon, center=norm_bias, **common)

        def attention(base: float) -> MultiHeadAttention:
            return MultiHeadAttention(
                d_model,
                num_heads,
                dropout=attention_dropout,
                use_bias=attention_bias,
                rotary=RotaryPositions("concatenated", base=base, name="rotary", **common),
                kernel_initializer=initial,
                output_initializer=output_initial,
                name="attention",
                **common,
            )

        def residual(index: int) -> Residual:
            # The embeddings have a norm of their own, right before the first layer.
            before = norm(name="norm") if index else None
            return Residual(before, dropout=attention_dropout, name="attention_residual", **common)

        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            norm=norm(name="norm"),
            scale=False,
            embeddings_initializer=initial,
            dropout=embedding_dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=[
                whole if sees_all else SlidingWindowMask(window // 2, window // 2) & whole
                for sees_all in is_global
            ],
            embeddings=embeddings,
            attention=[attention(global_base if own else local_base) for own in is_global],
            attention_residual=[residual(index) for index in range(num_layers)],
            feed_forward=FeedForward(
                d_model,
                dff,
                activation=activation,
                dropout=feed_forward_dropout,
                use_bias=feed_forward_bias,
                gated=True,
                kernel_initializer=initial,
                output_initializer=output_initial,
                name="feed_forward",
                **common,
            ),
            norm="pre",
            normalization=norm(name="norm"),
            epsilon=epsilon,
            dropout=0.0,
            name="stack",
            **common,
        )
        transform = partial(
            Transform,
            d_model,
            activation=head_activation,
            use_bias=head_bias,
            kernel_initializer=output_initial,
            name="transform",
            **common,
        )
        language_model = partial(
            MaskedLanguageModelHead,
            vocab_size,
            d_model,
            activation=head_activation,
            use_bias=head_bias,
            output_bias=output_bias,
            tied_to=embeddings.table if tied else None,
            kernel_initializer=output_initial,
        )
        self.make_heads(
            heads,
            {
                "masked_lm": lambda **given: language_model(norm=norm(name="norm"), **given),
                **self.classifiers(lambda: transform(norm=norm(name="norm"))),
            },
        )
        self.build()

    def classifiers(self, transform: Callable) -> dict[str, Callable]:
        """Returns the functions that make the classifiers, by name.

        Args:
            transform: makes the transformation before one.
        """

        def of_tokens(**given: Any) -> TokenHead:
            return TokenHead(transform=transform(), **{**initial, **given})

        def of_rows(column: str, dtype: Any, **given: Any) -> SequenceHead:
            pooler = (
                Pooler(column, dtype=dtype, name="pooler")
                if self.pooling == "first"
                else AllTokensPooler(["mean"], dtype=dtype, name="pooler")
            )
            return SequenceHead(pooler, transform=transform(), dtype=dtype, **{**initial, **given})

        initial = {"kernel_initializer": normal(self.d_model**-0.5)}
        return {
            "sequence_classification": partial(of_rows, "first"),
            "token_classification": of_tokens,
            "span": partial(of_tokens, labels=["start", "end"]),
            "multiple_choice": partial(of_rows, "first_token", labels=1, squeeze=True),
        }


def seen_whole(global_layers: int | Sequence[int], num_layers: int) -> list[bool]:
    """Returns for each layer whether it sees the whole text.

    Args:
        global_layers: every so many do, from the first on; or the numbers of those that do.
        num_layers: how many layers there are.

    Raises:
        ValueError: for a number below 1, or that of no layer.
    """
    if isinstance(global_layers, int):
        check_ints(1, global_layers=global_layers)
        return [index % global_layers == 0 for index in range(num_layers)]
    if beyond := sorted({*global_layers} - {*range(num_layers)}):
        raise ValueError(
            f"global_layers names layer {beyond[0]}, and there are the layers 0 to "
            f"{num_layers - 1}."
        )
    return [index in global_layers for index in range(num_layers)]

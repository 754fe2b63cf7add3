"""RotaryDecoder."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tftransformer.core import check_ints, require
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import (
    DotProductScorer,
    FeedForward,
    MultiHeadAttention,
    Residual,
    SoftmaxAttention,
    TokenEmbeddings,
    make_norm,
)
from tftransformer.masks import CausalMask, Mask, PaddingMask, SlidingWindowMask
from tftransformer.models.gpt import NORMAL, gpt_heads, telling_pad_id
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import RotaryPositions
from tftransformer.stacks import Encoder, ParallelEncoder

Windows = int | Sequence[int | None] | Callable[[int], int | None] | None


class RotaryDecoder(StackModel):
    """A stack under a causal mask whose attention turns queries and keys by their positions.

    Llama and what followed it differ in what they choose here; the defaults are Llama's. Inputs are
    those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and optionally
    `padding_mask` and `position_ids`. Weights start from a normal distribution of standard
    deviation 0.02.

    Heads: `lm`, `sequence_classification`, which reads the last token that is not the pad id,
    `token_classification`, `span`, and `multiple_choice`, as in `Gpt`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of heads of queries.
        dff: width inside the feed-forward nets.
        num_key_value_heads: number of heads of keys and values, each shared by neighbouring heads
            of queries (Ainslie et al. 2023); default `num_heads`.
        head_width: width of one head; default `d_model // num_heads`.
        num_positions: how long texts were in training. No weight depends on it.
        windows: how many tokens a token sees, itself included; a list, or a function from the
            number of a layer, has one number for each layer, or None for all. Default: all.
        rotary_base: base of the frequencies, see `RotaryPositions`.
        rotary_scaling: for texts longer than those of the training, see `RotaryPositions`.
        rotary_share: share of the features of a head that turn.
        window_rotary_base: base in layers that have a window, which are not scaled; default: they
            are as the others.
        attention_bias: whether the projections of the attention have biases.
        output_bias: whether the one that joins the heads has one; default `attention_bias`.
        query_key_norm: whether the queries and keys of each head are normalised before they turn.
        score_width: scores are divided by its square root; default: the width of a head.
        score_cap: scores are brought into ± this number, see `SoftmaxAttention`.
        feed_forward_bias: whether the projections of the feed-forward nets have biases.
        gated: whether the nets are gated (Shazeer 2020).
        activation: activation of the nets.
        norm: where norms are: "pre", or "sandwich" (see `Residual`).
        normalization: "rms", "shifted_rms" (gains around 0) or "layer".
        epsilon: added to the mean square, or variance, in the norms.
        parallel: whether attention and net stand side by side (see `ParallelLayer`): with so many
            norms, 1 or 2; None: one after the other.
        scale: whether token vectors are multiplied by √d_model.
        dropout: rate on sublayers.
        embedding_dropout: rate on embeddings; default `dropout`.
        attention_dropout: rate on the attention weights.
        pad_id: id of the padding token; None if only a `padding_mask` marks padding.
        end_id: the id that ends a text, or a list. If the pad id is among them, ids do not tell
            what is padding: then only a `padding_mask` hides tokens.
        mask: attention mask, to which `windows` are added; default `CausalMask() & PaddingMask()`.
        tied: whether the language model head shares the token table.
        head_bias: whether the language model head has biases.
        logit_cap: its logits are brought into ± this number, see `LanguageModelHead`.
        heads: see `HeadedModel.make_heads`.
    """

    def __init__(
        self,
        vocab_size: int = 32000,
        num_layers: int = 32,
        d_model: int = 4096,
        num_heads: int = 32,
        dff: int = 11008,
        *,
        num_key_value_heads: int | None = None,
        head_width: int | None = None,
        num_positions: int = 2048,
        windows: Windows = None,
        rotary_base: float = 10000.0,
        rotary_scaling: Mapping[str, Any] | None = None,
        rotary_share: float = 1.0,
        window_rotary_base: float | None = None,
        attention_bias: bool = False,
        output_bias: bool | None = None,
        query_key_norm: bool = False,
        score_width: float | None = None,
        score_cap: float | None = None,
        feed_forward_bias: bool = False,
        gated: bool = True,
        activation: Any = "silu",
        norm: str = "pre",
        normalization: str = "rms",
        epsilon: float = 1e-6,
        parallel: int | None = None,
        scale: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float | None = None,
        attention_dropout: float = 0.0,
        pad_id: int | None = None,
        end_id: int | Sequence[int] | None = None,
        mask: Mask | None = None,
        tied: bool = False,
        head_bias: bool = False,
        logit_cap: float | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        check_ints(1, or_none=True, parallel=parallel, head_width=head_width)
        head_width = head_width or d_model // num_heads
        turned = int(head_width * rotary_share)
        require(
            turned in range(2, head_width + 1, 2),
            "rotary_share",
            rotary_share,
            f"a share that is an even number of the {head_width} features of a head",
        )
        seen = windows_of(windows, num_layers)
        if callable(windows):
            self._arguments["windows"] = seen

        def head_norm(name: str) -> Any:
            return make_norm(normalization, epsilon, dtype=dtype, name=name)

        def attention(window: int | None) -> MultiHeadAttention:
            base, scaling = rotary_base, rotary_scaling
            if window is not None and window_rotary_base is not None:
                base, scaling = window_rotary_base, None
            scorer = DotProductScorer(
                None if score_width is None else score_width**-0.5, dtype=dtype, name="scorer"
            )
            return MultiHeadAttention(
                d_model,
                num_heads,
                head_width,
                num_key_value_heads=num_key_value_heads,
                use_bias=attention_bias,
                output_bias=output_bias,
                core=SoftmaxAttention(
                    scorer,
                    dropout=attention_dropout,
                    score_cap=score_cap,
                    dtype=dtype,
                    name="core",
                ),
                rotary=RotaryPositions(
                    "concatenated",
                    base=base,
                    width=turned,
                    scaling=scaling,
                    dtype=dtype,
                    name="rotary",
                ),
                query_norm=head_norm("query_norm") if query_key_norm else None,
                key_norm=head_norm("key_norm") if query_key_norm else None,
                kernel_initializer=NORMAL,
                dtype=dtype,
                name="attention",
            )

        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            embeddings_initializer=NORMAL,
            scale=scale,
            dropout=dropout if embedding_dropout is None else embedding_dropout,
            pad_id=telling_pad_id(pad_id, end_id),
            dtype=dtype,
            name="embeddings",
        )
        kind = Encoder if parallel is None else ParallelEncoder
        without_norm = Residual(dropout=dropout, dtype=dtype, name="feed_forward_residual")
        self.stack = kind(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=[masked(mask, window) for window in seen],
            embeddings=embeddings,
            attention=[attention(window) for window in seen],
            feed_forward=FeedForward(
                d_model,
                dff,
                activation=activation,
                use_bias=feed_forward_bias,
                gated=gated,
                kernel_initializer=NORMAL,
                dtype=dtype,
                name="feed_forward",
            ),
            feed_forward_residual=without_norm if parallel == 1 else None,
            norm=norm,
            normalization=normalization,
            epsilon=epsilon,
            dropout=dropout,
            dtype=dtype,
            name="stack",
        )
        table = embeddings.table if tied else None
        makers = gpt_heads(vocab_size, pad_id, dropout, table)
        makers["lm"] = partial(
            LanguageModelHead, vocab_size, tied_to=table, use_bias=head_bias, cap=logit_cap
        )
        makers["token_classification"] = partial(makers["token_classification"], dropout=0.1)
        self.make_heads(heads, makers, kernel_initializer=NORMAL)
        self.build()


def windows_of(windows: Windows, num_layers: int) -> list[int | None]:
    """Returns how many tokens a token sees in each layer; None: all before it."""
    if callable(windows):
        windows = [windows(index) for index in range(num_layers)]
    elif windows is None or isinstance(windows, int):
        windows = [windows] * num_layers
    if len(windows) != num_layers:
        raise ValueError(f"windows lists {len(windows)} numbers for {num_layers} layers.")
    for window in windows:
        check_ints(1, or_none=True, window=window)
    return [*windows]


def masked(mask: Mask | None, window: int | None) -> Mask:
    """Returns the mask of a layer."""
    mask = CausalMask() & PaddingMask() if mask is None else mask
    return mask if window is None else mask & SlidingWindowMask(window - 1)

"""TransformerXL."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.heads import AdaptiveSoftmax, Pooler, SequenceHead
from tftransformer.heads.pooler import last_true
from tftransformer.layers import (
    AdaptiveEmbedding,
    MultiHeadAttention,
    RelativeScorer,
    TokenEmbeddings,
)
from tftransformer.masks import (
    CausalMask,
    Mask,
    MemoryMask,
    PaddingMask,
    SlidingWindowMask,
    check_mask,
)
from tftransformer.models.headed_model import Heads
from tftransformer.models.recurrent_model import RecurrentModel
from tftransformer.stacks import RecurrentEncoder

CUTOFFS = (20000, 40000, 200000)


@register
class TransformerXL(RecurrentModel):
    """A causal stack with memory and relative positions (Dai et al. 2019). Defaults: WikiText-103.

    A text that does not fit is read in segments, each passing its memory to the next. The first
    segment has a memory of zeros, which is visible, as the published weights were trained.

    Inputs are those of `RecurrentModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `memory`, `memory_lengths`. Weights start from a normal distribution
    with standard deviation 0.02 (0.01 for the projections of clusters).

    Heads: `lm` (log-probabilities, see `AdaptiveSoftmax`), `sequence_classification`.

    Args:
        vocab_size: number of token ids, sorted by frequency.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        head_width: width of one head; default `d_model // num_heads`.
        memory_length: how many positions the memory holds.
        same_length: whether each query sees equally far back: `memory_length` positions, including
            its own.
        clamp: the largest distance that is distinguished; None = no limit.
        cutoffs: ids at which clusters of rarer tokens begin, see `AdaptiveEmbedding`; default:
            those of 20000, 40000 and 200000 that are within the vocabulary.
        d_embed: width of the vectors of the first cluster; default `d_model`.
        shrink: factor by which each cluster's vectors are narrower.
        tie_projections: whether embedding and softmax share the projections of the rarer clusters.
        norm: where the norms are, "post" or "pre".
        dropout: rate on embeddings, encodings of distances, sublayers and what the stack returns.
        attention_dropout: rate on the attention weights.
        activation: activation of the feed-forward nets.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token, which no token sees; classifiers find the end of a text by
            it; None = no padding.
        mask: attention mask; default `CausalMask() & MemoryMask()`, with a window for
            `same_length`, and `& PaddingMask()` with a `pad_id`.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = TransformerXL(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                       memory_length=8, cutoffs=(), d_embed=32)
    >>> outputs = model(np.ones((2, 7), "int32"))
    >>> outputs["lm"].shape, outputs["memory"][0].shape
    (TensorShape([2, 7, 100]), TensorShape([2, 8, 32]))
    """

    reads_prefix = False

    def __init__(
        self,
        vocab_size: int = 267735,
        num_layers: int = 18,
        d_model: int = 1024,
        num_heads: int = 16,
        dff: int = 4096,
        *,
        head_width: int | None = None,
        memory_length: int = 1600,
        same_length: bool = True,
        clamp: int | None = 1000,
        cutoffs: Sequence[int] | None = None,
        d_embed: int | None = None,
        shrink: int = 4,
        tie_projections: bool = True,
        norm: str = "post",
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation: Any = "relu",
        epsilon: float = 1e-5,
        pad_id: int | None = None,
        mask: Mask | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if mask is None:
            mask = CausalMask() & MemoryMask()
            if same_length and memory_length:
                mask = mask & SlidingWindowMask(before=memory_length - 1)
            if pad_id is not None:
                mask = mask & PaddingMask()
        if cutoffs is None:
            cutoffs = [cutoff for cutoff in CUTOFFS if cutoff < vocab_size]
            self._arguments["cutoffs"] = cutoffs
        future = not check_mask(mask).is_causal
        common = {"dtype": self.dtype_policy}
        initial = keras.initializers.RandomNormal(stddev=0.02)
        table = AdaptiveEmbedding(
            vocab_size,
            d_model,
            cutoffs=cutoffs,
            d_embed=d_embed,
            shrink=shrink,
            embeddings_initializer=initial,
            projection_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name="table",
            **common,
        )
        self.stack = RecurrentEncoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            memory_length=memory_length,
            mask=mask,
            embeddings=TokenEmbeddings(
                vocab_size,
                d_model,
                table=table,
                dropout=dropout,
                pad_id=pad_id,
                name="embeddings",
                **common,
            ),
            attention=MultiHeadAttention(
                d_model,
                num_heads,
                head_width=head_width,
                dropout=attention_dropout,
                use_bias=False,
                kernel_initializer=initial,
                scorer=RelativeScorer(
                    d_model,
                    clamp=clamp,
                    future=future,
                    initializer=initial,
                    dropout=dropout,
                    name="scorer",
                    **common,
                ),
                name="attention",
                **common,
            ),
            norm=norm,
            final_norm=False,
            dropout=dropout,
            output_dropout=dropout,
            activation_dropout=dropout,
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=initial,
            name="stack",
            **common,
        )
        self.make_heads(
            heads,
            {
                "lm": partial(AdaptiveSoftmax, table, tie_projections=tie_projections),
                "sequence_classification": partial(
                    SequenceHead, Pooler("last_token", name="pooled", **common), use_bias=False
                ),
            },
            kernel_initializer=initial,
        )
        self.build()

    def with_defaults(self, inputs: Any) -> Any:
        inputs = self.named(inputs)
        told = "padding_mask" in inputs
        inputs = super().with_defaults(inputs)
        if not told:  # a text ends at the first padding behind it, whatever follows
            real = inputs["padding_mask"]
            behind = ops.cumsum(ops.cast(real, "int32"), axis=1) > 0
            ends = ops.cast(ops.logical_and(behind, ops.logical_not(real)), "int32")
            inputs["padding_mask"] = ops.logical_and(real, ops.equal(ops.cumsum(ends, axis=1), 0))
        if self.stack.memory_length and inputs.get("memory") is None:
            shape = (
                ops.shape(inputs["token_ids"])[0],
                self.stack.memory_length,
                self.stack.d_model,
            )
            inputs["memory"] = [ops.zeros(shape, self.compute_dtype)] * len(self.stack.layers)
        return inputs

    def given_to_stack(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        given = super().given_to_stack(inputs)
        if self.stack.masks[0].is_causal:
            # No token sees padding behind it. That sees itself, as the reference has it, which
            # knows no padding.
            real = given["padding_mask"]
            last = last_true(real)[:, None]
            behind = ops.logical_and(
                ops.any(real, axis=1, keepdims=True), ops.arange(ops.shape(real)[1]) > last
            )
            given["padding_mask"] = ops.logical_or(real, behind)
        return given

"""Gpt2."""

from collections.abc import Sequence
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.layers import DotProductScorer, MultiHeadAttention
from tftransformer.masks import CausalMask, Mask, PaddingMask
from tftransformer.models.gpt import NORMAL, gpt_embeddings, gpt_heads, telling_pad_id
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.stacks import Encoder


@register
class Gpt2(StackModel):
    """A pre-norm stack under a causal mask (Radford et al. 2019). Defaults: the small model.

    Inputs and heads: as `Gpt`: int ids (batch, length), or a dict of `token_ids` and optionally
    `padding_mask`, `segment_ids`, `position_ids`. Weights start from the same distribution; those
    of the projections that add to the residual stream are smaller by √(2 · num_layers).

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets; default `4 · d_model`.
        num_positions: number of positions.
        dropout: rate on sublayers and the input of classifiers.
        embedding_dropout: rate on embeddings; default `dropout`.
        attention_dropout: rate on the attention weights.
        activation: activation of the feed-forward nets.
        epsilon: added to the variance in the norms.
        scaled_scores: whether scores are divided by √(head width).
        scaled_by_depth: whether layer i, counted from 1, divides its scores by i as well.
        pad_id: id of the padding token; None if only a `padding_mask` marks padding.
        end_id: the id that ends a text, or a list. If the pad id is among them, ids do not tell
            what is padding: then only a `padding_mask` hides tokens.
        mask: attention mask; default `CausalMask() & PaddingMask()`.
        tied: whether the language model head shares the token table.
        heads: see `HeadedModel.make_heads`.

    `segment_ids` are looked up in the token table.

    Example:

    >>> model = Gpt2(vocab_size=100, num_layers=2, d_model=32, num_heads=4)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    def __init__(
        self,
        vocab_size: int = 50257,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int | None = None,
        *,
        num_positions: int = 1024,
        dropout: float = 0.1,
        embedding_dropout: float | None = None,
        attention_dropout: float = 0.1,
        activation: Any = "gelu_tanh",
        epsilon: float = 1e-5,
        scaled_scores: bool = True,
        scaled_by_depth: bool = False,
        pad_id: int | None = None,
        end_id: int | Sequence[int] | None = None,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        rate = dropout if embedding_dropout is None else embedding_dropout
        told = telling_pad_id(pad_id, end_id)
        embeddings = gpt_embeddings(vocab_size, d_model, num_positions, rate, told, dtype)
        # The sum of all layers keeps its variance (Radford et al. 2019, §2.3).
        output_initializer = keras.initializers.RandomNormal(stddev=0.02 * (2 * num_layers) ** -0.5)
        scale = (d_model // num_heads) ** -0.5 if scaled_scores else 1.0

        def attention(depth: int) -> MultiHeadAttention:
            depth_scale = scale / depth if scaled_by_depth else scale
            return MultiHeadAttention(
                d_model,
                num_heads,
                dropout=attention_dropout,
                kernel_initializer=NORMAL,
                output_initializer=output_initializer,
                scorer=DotProductScorer(depth_scale, dtype=dtype, name="scorer"),
                dtype=dtype,
                name="attention",
            )

        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff or 4 * d_model,
            mask=CausalMask() & PaddingMask() if mask is None else mask,
            embeddings=embeddings,
            attention=[attention(depth) for depth in range(1, num_layers + 1)],
            norm="pre",
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=NORMAL,
            output_initializer=output_initializer,
            dropout=dropout,
            dtype=dtype,
            name="stack",
        )
        table = embeddings.table if tied else None
        self.make_heads(
            heads, gpt_heads(vocab_size, pad_id, dropout, table), kernel_initializer=NORMAL
        )
        self.build()

"""Gpt."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead, Pooler, SequenceHead, TokenHead
from tftransformer.layers import TokenEmbeddings
from tftransformer.masks import CausalMask, Mask, PaddingMask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Encoder

# What all weights but biases and norms start from (Radford et al. 2018, §4.1).
NORMAL = keras.initializers.RandomNormal(stddev=0.02)


@register
class Gpt(StackModel):
    """A post-norm stack under a causal mask (Radford et al. 2018). Defaults: the published size.

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, `position_ids`. Weights start from a normal
    distribution of standard deviation 0.02.

    Heads: `lm`, `sequence_classification`, `token_classification`, `span`, and `multiple_choice`,
    which reads the token at the input `pooled_positions`, int (batch, choices), or the last one
    that is not padding.

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
        pad_id: id of the padding token; None if only a `padding_mask` marks padding.
        end_id: the id that ends a text, or a list. If the pad id is among them, ids do not tell
            what is padding: then only a `padding_mask` hides tokens.
        mask: attention mask; default `CausalMask() & PaddingMask()`.
        tied: whether the language model head shares the token table.
        heads: see `HeadedModel.make_heads`.

    `segment_ids` are looked up in the token table.

    Example:

    >>> model = Gpt(vocab_size=100, num_layers=2, d_model=32, num_heads=4)
    >>> model(np.ones((2, 7), "int32"))["lm"].shape
    TensorShape([2, 7, 100])
    """

    def __init__(
        self,
        vocab_size: int = 40478,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int | None = None,
        *,
        num_positions: int = 512,
        dropout: float = 0.1,
        embedding_dropout: float | None = None,
        attention_dropout: float = 0.1,
        activation: Any = "gelu_tanh",
        epsilon: float = 1e-5,
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
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff or 4 * d_model,
            mask=CausalMask() & PaddingMask() if mask is None else mask,
            embeddings=embeddings,
            norm="post",
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=NORMAL,
            dropout=dropout,
            attention_dropout=attention_dropout,
            dtype=dtype,
            name="stack",
        )
        table = embeddings.table if tied else None
        self.make_heads(
            heads, gpt_heads(vocab_size, pad_id, dropout, table), kernel_initializer=NORMAL
        )
        self.build()


def telling_pad_id(pad_id: int | None, end_id: int | Sequence[int] | None) -> int | None:
    """Returns the id by which padding is told: none, where it ends texts as well."""
    ends = end_id if isinstance(end_id, (list, tuple)) else [end_id]
    return None if pad_id in ends else pad_id


def gpt_embeddings(
    vocab_size: int,
    d_model: int,
    num_positions: int,
    dropout: float,
    pad_id: int | None,
    dtype: Any,
) -> TokenEmbeddings:
    """Returns the embeddings of GPT and GPT-2: tokens, learned positions, segments as tokens."""
    return TokenEmbeddings(
        vocab_size,
        d_model,
        position=LearnedPositions(
            d_model,
            num_positions,
            initializer=NORMAL,
            dtype=dtype,
            name="position",
        ),
        embeddings_initializer=NORMAL,
        segments="tokens",
        scale=False,
        dropout=dropout,
        pad_id=pad_id,
        dtype=dtype,
        name="embeddings",
    )


def gpt_heads(
    vocab_size: int, pad_id: int | None, dropout: float, table: keras.layers.Embedding | None
) -> dict[str, Callable]:
    """Returns what makes the heads of GPT and GPT-2, by name."""

    def classifier(dtype: Any, **given: Any) -> SequenceHead:
        column = "last_token" if pad_id is None else "last_but"
        last = Pooler(column, token_id=pad_id, dtype=dtype, name="pooler")
        return SequenceHead(last, **{"use_bias": False, **given}, dtype=dtype)

    def multiple_choice(dtype: Any, **given: Any) -> SequenceHead:
        chosen = Pooler("given", dtype=dtype, name="pooler")
        given = {"dropout": dropout, **given}
        return SequenceHead(chosen, labels=1, squeeze=True, **given, dtype=dtype)

    return {
        "lm": partial(LanguageModelHead, vocab_size, tied_to=table),
        "sequence_classification": classifier,
        "token_classification": partial(TokenHead, dropout=dropout),
        "span": partial(TokenHead, labels=["start", "end"]),
        "multiple_choice": multiple_choice,
    }

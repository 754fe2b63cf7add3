"""SentenceModel."""

from functools import partial
from typing import Any

import keras

from tftransformer.core import register
from tftransformer.heads import (
    AllTokensPooler,
    MaskedLanguageModelHead,
    SequenceHead,
    TokenHead,
)
from tftransformer.layers import Convolution, TokenEmbeddings
from tftransformer.masks import PaddingMask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Encoder


@register
class SentenceModel(StackModel):
    """A small pre-norm encoder; the mean and maximum over its tokens represent a text.

    It is made for thousands of training texts rather than millions: it has few layers and much
    dropout, and whole tokens are dropped in training. Token vectors start small, so that rare
    words, which have learnt little, contribute little. With no layers it is a deep averaging
    network (Iyyer et al. 2015).

    Inputs are those of `StackModel`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`. Heads: `masked_lm`, with the table of the embeddings,
    `sequence_classification`, `token_classification`, `span`, `multiple_choice`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers; with 0 the order of the words does not matter.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: most tokens of a row.
        position_bias: layer from positions of queries and keys to what every layer adds to its
            scores, such as `BucketedBias(num_heads)`; then no positions are added to the
            embeddings.
        neighbours: number of tokens on either side that a layer sees, with `Convolution` in place
            of attention; None: attention to all tokens.
        dropout: rate in the layers and on the input of the head.
        attention_dropout: rate on the attention weights.
        token_dropout: share of the tokens dropped in training: see `TokenEmbeddings`.
        pad_id: id of the padding token.
        segments: number of segments, where inputs have `segment_ids`.
        spelling: number of spellings, where inputs have `spelling_ids`: see `TokenEmbeddings`.
        heads: see `HeadedModel.make_heads`.
    """

    def __init__(
        self,
        vocab_size: int,
        num_layers: int = 1,
        d_model: int = 128,
        num_heads: int = 4,
        dff: int = 256,
        *,
        num_positions: int = 512,
        position_bias: keras.layers.Layer | None = None,
        neighbours: int | None = None,
        dropout: float = 0.3,
        attention_dropout: float = 0.1,
        token_dropout: float = 0.2,
        pad_id: int = 0,
        segments: int | None = None,
        spelling: int | None = None,
        heads: Heads = ("sequence_classification",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        common: Any = {"dtype": self.dtype_policy}
        self.pad_id, self.num_positions = pad_id, num_positions
        start = keras.initializers.RandomNormal(stddev=0.01)
        position = attention = None
        if neighbours is not None:
            attention = Convolution(d_model, neighbours, name="convolution", **common)
        elif position_bias is None:
            position = LearnedPositions(
                d_model, num_positions, initializer=start, name="position", **common
            )
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            position=position,
            scale=False,
            embeddings_initializer=start,
            token_dropout=token_dropout,
            pad_id=pad_id,
            segments=segments,
            spelling=spelling,
            name="embeddings",
            **common,
        )
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=PaddingMask(),
            embeddings=embeddings,
            position_bias=position_bias,
            attention=attention,
            norm="pre",
            activation="gelu",
            epsilon=1e-6,
            dropout=dropout,
            attention_dropout=attention_dropout,
            name="stack",
            **common,
        )
        pooler = AllTokensPooler(name="pooled", **common)
        classifier = partial(SequenceHead, pooler, dropout=dropout)
        makers = {
            "masked_lm": partial(
                MaskedLanguageModelHead, vocab_size, d_model, tied_to=embeddings.table
            ),
            "sequence_classification": classifier,
            "token_classification": partial(TokenHead, dropout=dropout),
            "span": partial(TokenHead, labels=["start", "end"], dropout=dropout),
            "multiple_choice": partial(classifier, labels=1, squeeze=True),
        }
        self.make_heads(heads, makers)
        self.build()

"""Roberta."""

from functools import partial
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.heads import MaskedLanguageModelHead, Pooler, SequenceHead, TokenHead
from tftransformer.layers import TokenEmbeddings, make_norm
from tftransformer.masks import Mask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions, token_positions
from tftransformer.stacks import Encoder


@register
class Roberta(StackModel):
    """BERT, with positions that count real tokens alone (Liu et al. 2019). Defaults: RoBERTa-base.

    Padding, which is told by its id, moves no position, wherever it stands: the first real token
    has number 0 and row `pad_id + 1` of the table, padding has row `pad_id`. Other tokens that a
    `padding_mask` hides do count, as in the reference; `position_ids` number them otherwise.

    Heads: `pooled`, `masked_lm`, `sequence_classification` (with a transformation of its own),
    `token_classification`, `span`, `multiple_choice`; and `lm`, the head of `masked_lm` for a
    stack under `CausalMask() & PaddingMask()`. `mask_positions` among the inputs do what they do
    for `Bert`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: number of positions of real tokens.
        segments: number of segments.
        dropout: rate on embeddings, sublayers and what classifiers read.
        attention_dropout: rate on the attention weights.
        activation: of the feed-forward nets.
        epsilon: of the norms.
        pad_id: the id that is padding.
        mask: who may see whom; default `PaddingMask()`.
        tied: whether the language model heads share the table of the tokens.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = Roberta(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                 heads=["masked_lm"])
    >>> model(np.full((2, 7), 5, "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    def __init__(
        self,
        vocab_size: int = 50265,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        num_positions: int = 512,
        segments: int = 1,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation: Any = "gelu",
        epsilon: float = 1e-5,
        pad_id: int = 1,
        mask: Mask | None = None,
        tied: bool = True,
        heads: Heads = ("pooled",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.pad_id = pad_id
        common = {"dtype": self.dtype_policy}
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            position=LearnedPositions(
                d_model, num_positions, offset=pad_id + 1, name="position", **common
            ),
            segments=segments,
            norm=make_norm("layer", epsilon, name="norm", **common),
            scale=False,
            dropout=dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=mask,
            embeddings=embeddings,
            norm="post",
            activation=activation,
            epsilon=epsilon,
            dropout=dropout,
            attention_dropout=attention_dropout,
            name="stack",
            **common,
        )
        self.pooler = Pooler("first", d_model, activation="tanh", name="pooled", **common)
        language_model = partial(
            MaskedLanguageModelHead,
            vocab_size,
            d_model,
            activation="gelu",
            epsilon=epsilon,
            tied_to=embeddings.table if tied else None,
        )

        def classifier(dtype: Any, **given: Any) -> SequenceHead:
            given = {"dropout": dropout, **given}
            rate = given["dropout"]  # on both sides of the transformation
            transformed = Pooler("first", d_model, dropout=rate, dtype=dtype, name="transformed")
            return SequenceHead(transformed, **given, dtype=dtype)

        self.make_heads(
            heads,
            {
                "pooled": lambda **_: self.pooler,
                "masked_lm": language_model,
                "lm": language_model,
                "sequence_classification": classifier,
                "token_classification": partial(TokenHead, dropout=dropout),
                "span": partial(TokenHead, labels=["start", "end"]),
                "multiple_choice": partial(
                    SequenceHead, self.pooler, labels=1, dropout=dropout, squeeze=True
                ),
            },
        )
        self.build()

    def position_ids(self, token_ids: Any) -> Any:
        return token_positions(ops.not_equal(token_ids, self.pad_id))

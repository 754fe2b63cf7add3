"""SentenceModel: the small model that a classifier of texts begins with."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, register
from tftransformer.heads import SequenceHead
from tftransformer.layers import StackState, TokenEmbeddings
from tftransformer.masks import PaddingMask
from tftransformer.models.headed_model import Heads
from tftransformer.models.stack_model import StackModel
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Encoder


@register
class MeanAndMax(Layer):
    """One vector for a sequence: the mean and the maximum of its states, side by side."""

    keeps_tokens = False

    def call(self, hidden: Any, inputs: Mapping[str, Any]) -> Any:
        """Pools (batch, length, d) over the tokens that are not padding to (batch, 2 d)."""
        real = inputs["padding_mask"][..., None]
        count = ops.maximum(ops.sum(ops.cast(real, hidden.dtype), axis=1), 1)
        mean = ops.sum(ops.where(real, hidden, 0), axis=1) / count
        return ops.concatenate([mean, ops.max(ops.where(real, hidden, -1e4), axis=1)], axis=-1)

    def compute_output_shape(
        self, hidden_shape: Any, inputs_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (hidden_shape[0], 2 * hidden_shape[-1])


@register
class SentenceModel(StackModel):
    """A pre-norm stack whose sentences are the mean and the maximum of their tokens.

    It learns from thousands of texts rather than millions: few layers, much dropout, and in
    training some tokens are hidden (Iyyer et al. 2015, §3.1). Head: `sequence_classification`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        num_positions: most tokens of a row.
        dropout: rate in the layers and on what the head reads.
        attention_dropout: rate on the attention weights.
        token_dropout: share of the tokens that become `hidden_id` in training.
        hidden_id: the id that stands for a token which is not known.
        pad_id: the id that is padding.
        heads: see `HeadedModel.make_heads`.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: int = 1,
        d_model: int = 128,
        num_heads: int = 4,
        dff: int = 256,
        num_positions: int = 512,
        dropout: float = 0.3,
        attention_dropout: float = 0.1,
        token_dropout: float = 0.2,
        hidden_id: int = 1,
        pad_id: int = 0,
        heads: Heads = ("sequence_classification",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        common = {"dtype": self.dtype_policy}
        self.pad_id, self.num_positions = pad_id, num_positions
        self.token_dropout, self.hidden_id = token_dropout, hidden_id
        self.seed_generator = keras.random.SeedGenerator()
        position = LearnedPositions(d_model, num_positions, name="position", **common)
        self.stack = Encoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            mask=PaddingMask(),
            embeddings=TokenEmbeddings(
                vocab_size,
                d_model,
                position=position,
                scale=False,
                pad_id=pad_id,
                name="embeddings",
                **common,
            ),
            norm="pre",
            activation="gelu",
            epsilon=1e-6,
            dropout=dropout,
            attention_dropout=attention_dropout,
            name="stack",
            **common,
        )
        self.pooler = MeanAndMax(name="pooled", **common)

        def classifier(**options: Any) -> Any:
            return SequenceHead(self.pooler, **{"dropout": dropout, **options})

        self.make_heads(heads, {"sequence_classification": classifier})
        self.build()

    def forward(
        self,
        inputs: Any,
        heads: Iterable[str],
        state: StackState | None = None,
        training: bool | None = None,
    ) -> dict[str, Any]:
        if training and self.token_dropout:
            inputs = self.with_defaults(inputs)  # padding is told before ids change
            ids = inputs["token_ids"]
            drawn = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
            hidden = ops.logical_and(drawn < self.token_dropout, inputs["padding_mask"])
            inputs["token_ids"] = ops.where(hidden, ops.cast(self.hidden_id, ids.dtype), ids)
        return super().forward(inputs, heads, state, training)

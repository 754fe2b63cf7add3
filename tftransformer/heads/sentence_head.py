"""SentenceHead."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, register
from tftransformer.heads.labels import number_of
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection


@register
class SentenceHead(Layer):
    """Logits for each sentence, from the mean of its tokens and its position in the text.

    Extractive summaries choose sentences by such a score (Liu and Lapata 2019, §3): it depends on
    what a sentence says among the others, and on its place, since texts often begin with what
    matters.

    Args:
        labels: number of labels, or their names.
        num_places: number of sentence positions that are distinguished; later sentences share the
            last.
        dropout: rate on the means.
        kernel_initializer: initializer of the projections.
    """

    def __init__(
        self,
        labels: int | Sequence[str] = 2,
        *,
        num_places: int = 32,
        dropout: float = 0.1,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.labels, self.num_places = labels, num_places
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.places = keras.layers.Embedding(
            num_places,
            number_of(labels),
            embeddings_initializer="zeros",
            dtype=self.dtype_policy,
            name="places",
        )
        self.projection = make_projection(
            "projection", number_of(labels), True, kernel_initializer, self.dtype_policy
        )

    def build(self, hidden_shape: Any) -> None:
        self.places.build((None, None))
        self.projection.build(hidden_shape)

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Scores the sentence of each token.

        Args:
            hidden: float tensor (batch, length, d).
            inputs: the inputs of the model; `sentence_numbers` is read: int (batch, length), the
                number of each token's sentence in its text, from 1; 0 for tokens of no sentence.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, labels), the same for all tokens of a sentence.
        """
        if not inputs or "sentence_numbers" not in inputs:
            raise ValueError(
                "the inputs lack 'sentence_numbers', int (batch, length): by it a SentenceHead "
                "knows which tokens make a sentence."
            )
        numbers = ops.cast(inputs["sentence_numbers"], "int32")
        same = numbers[:, :, None] == numbers[:, None, :]
        count = ops.sum(ops.cast(same, "float32"), axis=-1, keepdims=True)
        share = ops.cast(ops.cast(same, "float32") / count, self.compute_dtype)
        means = ops.matmul(share, hidden)
        place = ops.clip(numbers - 1, 0, self.num_places - 1)
        return self.projection(self.dropout(means, training=training)) + self.places(place)

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], number_of(self.labels))

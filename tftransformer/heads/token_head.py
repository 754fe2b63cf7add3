"""TokenHead."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tftransformer.core import Layer, register
from tftransformer.heads.labels import number_of
from tftransformer.heads.transform import transformed_shape
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection


@register
class TokenHead(Layer):
    """Logits for each token, for token classification and for spans.

    For spans, as in question answering, the two labels are "start" and "end", each with a softmax
    over the positions (Devlin et al. 2019, §4.2).

    Args:
        labels: number of labels, or their names.
        transform: layer that transforms the hidden states first, such as `Transform`, or None.
        dropout: rate on the hidden states.
        kernel_initializer: initializer of the projection.
    """

    def __init__(
        self,
        labels: int | Sequence[str] = 2,
        *,
        transform: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.labels, self.transform = labels, transform
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.projection = make_projection(
            "projection", number_of(labels), True, kernel_initializer, self.dtype_policy
        )

    def build(self, hidden_shape: Any) -> None:
        self.projection.build(transformed_shape(self.transform, hidden_shape))

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Scores each token: (batch, length, d) → (batch, length, labels)."""
        if self.transform is not None:
            hidden = self.transform(hidden)
        return self.projection(self.dropout(hidden, training=training))

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], number_of(self.labels))

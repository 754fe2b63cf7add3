"""TokenHead."""

from collections.abc import Mapping, Sequence
from typing import Any

from tftransformer.core import Layer, get_activation, register
from tftransformer.heads.labels import number_of
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection


@register
class TokenHead(Layer):
    """Logits for each token, for token classification and for spans.

    For spans, as in question answering, the two labels are "start" and "end", each with a softmax
    over the positions (Devlin et al. 2019, §4.2). With a width the states are transformed before
    that: `activation(h W + b)`, as where ELECTRA finds replaced tokens (Clark et al. 2020, §3.1).

    Args:
        labels: number of labels, or their names.
        dropout: rate on the hidden states.
        width: width of the transformation; None for none.
        activation: activation of the transformation.
        kernel_initializer: initializer of the projections.
    """

    def __init__(
        self,
        labels: int | Sequence[str] = 2,
        *,
        dropout: float = 0.0,
        width: int | None = None,
        activation: Any = "gelu",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.labels, self.activation = labels, get_activation(activation)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.transform = None
        if width is not None:
            self.transform = make_projection(
                "transform", width, True, kernel_initializer, self.dtype_policy
            )
        self.projection = make_projection(
            "projection", number_of(labels), True, kernel_initializer, self.dtype_policy
        )

    def build(self, hidden_shape: Any) -> None:
        if self.transform is not None:
            self.transform.build(hidden_shape)
            hidden_shape = self.transform.compute_output_shape(hidden_shape)
        self.projection.build(hidden_shape)

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Scores each token: (batch, length, d) → (batch, length, labels)."""
        hidden = self.dropout(hidden, training=training)
        if self.transform is not None:
            hidden = self.activation(self.transform(hidden))
        return self.projection(hidden)

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], number_of(self.labels))

"""SequenceHead."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tftransformer.core import Layer, build_once, register
from tftransformer.heads.labels import number_of
from tftransformer.heads.transform import transformed_shape
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection


@register
class SequenceHead(Layer):
    """Logits for a whole sequence, from its pooled state (Devlin et al. 2019, §4.1).

    The loss decides whether the logits are for classes (softmax), independent labels (sigmoid) or
    quantities. With the labels "next" and "random" it is the next-sentence head of BERT.

    Args:
        pooler: layer from hidden states and inputs to (batch, width), such as `Pooler`.
        labels: number of labels, or their names.
        transform: layer that transforms the pooled state first, such as `Transform`, or None.
        dropout: rate on the pooled state.
        use_bias: whether the projection has a bias.
        kernel_initializer: initializer of the projection.
        squeeze: whether to drop the axis of the only label, for one number per sequence, as in
            multiple choice, where the choices are an axis of the inputs (see `StackModel`).
    """

    keeps_tokens = False

    def __init__(
        self,
        pooler: keras.layers.Layer,
        *,
        labels: int | Sequence[str] = 2,
        transform: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        squeeze: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if squeeze and number_of(labels) != 1:
            raise ValueError(f"squeeze needs one label, not {labels!r}")
        self.pooler, self.labels, self.squeeze = pooler, labels, squeeze
        self.transform = transform
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.projection = make_projection(
            "projection", number_of(labels), use_bias, kernel_initializer, self.dtype_policy
        )

    def build(self, hidden_shape: Any) -> None:
        build_once(self.pooler, hidden_shape)
        pooled_shape = self.pooler.compute_output_shape(hidden_shape)
        self.projection.build(transformed_shape(self.transform, pooled_shape))

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Scores each sequence.

        Args:
            hidden: float tensor (batch, length, d).
            inputs: the inputs of the model, for the pooler.
            training: whether dropout is active.

        Returns:
            float tensor (batch, labels), or (batch,) with `squeeze`.
        """
        pooled = self.pooler(hidden, inputs or {})
        if self.transform is not None:
            pooled = self.transform(pooled)
        logits = self.projection(self.dropout(pooled, training=training))
        return logits[:, 0] if self.squeeze else logits

    def compute_output_shape(
        self, hidden_shape: Any, inputs_shape: Any = None
    ) -> tuple[int | None, ...]:
        return hidden_shape[:1] if self.squeeze else (hidden_shape[0], number_of(self.labels))

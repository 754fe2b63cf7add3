"""SpanModel."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.heads.span_beam_head import restricted
from tftransformer.models.headed_model import OneHead


@register
class SpanModel(OneHead):
    """A model with a span head, for training: start and end are classes over the positions.

    The output is float (batch, 2, length), with zero probability outside the input `span_mask`,
    bool (batch, length); labels are int (batch, 2). The weights are shared with the model.

    Args:
        model: the model.
        head: name of its head, which gives (batch, length, 2).

    Example:

    >>> bert = tt.Bert(vocab_size=9, num_layers=1, d_model=8, num_heads=2, dff=8, heads=["span"])
    >>> inputs = {"token_ids": np.ones((2, 7), "int32"), "span_mask": np.ones((2, 7), bool)}
    >>> SpanModel(bert)(inputs).shape
    TensorShape([2, 2, 7])
    """

    def __init__(self, model: Any, head: str = "span", **kwargs: Any):
        super().__init__(model, head, **kwargs)

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        inputs = dict(inputs)
        allowed = ops.cast(inputs.pop("span_mask"), "bool")
        logits = ops.transpose(super().call(inputs, training=training), (0, 2, 1))
        return restricted(logits, allowed[:, None])

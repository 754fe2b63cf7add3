"""EmbeddingHead."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core import Layer, register
from tftransformer.heads.all_tokens_pooler import AllTokensPooler


@register
class EmbeddingHead(Layer):
    """One vector for a text, to be compared with others (Reimers and Gurevych 2019, §3).

    Args:
        parts: what of the tokens, see `AllTokensPooler`.
        normalize: whether the vector has the length 1, so that products are cosines.

    Example:

    >>> hidden = np.array([[[3.0, 0.0], [3.0, 8.0]]], "float32")
    >>> mask = np.array([[True, True]])
    >>> np.asarray(EmbeddingHead()(hidden, {"padding_mask": mask})).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    keeps_tokens = False

    def __init__(self, parts: Sequence[str] = ("mean",), normalize: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.parts, self.normalize = parts, normalize
        self.pooler = AllTokensPooler(parts, dtype=self.dtype_policy, name="pooler")

    def build(self, hidden_shape: Any) -> None:
        self.built = True

    def call(self, hidden: Any, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Makes vectors (batch, parts · d) of hidden states (batch, length, d).

        Args:
            hidden: float tensor (batch, length, d).
            inputs: those of the model, of which `padding_mask` is read.
            training: makes no difference.
        """
        pooled = ops.cast(self.pooler(hidden, inputs), "float32")
        if self.normalize:
            square = ops.sum(ops.square(pooled), axis=-1, keepdims=True)
            pooled = pooled * ops.rsqrt(ops.maximum(square, 1e-24))
        return ops.cast(pooled, self.compute_dtype)

    def compute_output_shape(
        self, hidden_shape: Any, inputs_shape: Any = None
    ) -> tuple[int | None, ...]:
        return self.pooler.compute_output_shape(hidden_shape)

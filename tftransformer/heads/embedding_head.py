"""EmbeddingHead."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core import Layer, register
from tftransformer.heads.all_tokens_pooler import AllTokensPooler


@register
class EmbeddingHead(Layer):
    """One vector for a text, to be compared with those of others (Reimers and Gurevych 2019, §3).

    Args:
        parts: how the tokens are pooled, see `AllTokensPooler`.
        normalize: whether the vector is scaled to length 1, so that dot products are cosines.

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
            inputs: the inputs of the model; `padding_mask` is read.
            training: not used.
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

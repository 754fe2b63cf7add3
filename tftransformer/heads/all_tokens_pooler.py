"""AllTokensPooler."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core import Layer, register

PARTS = ("mean", "max", "first", "mean_sqrt")


@register
class AllTokensPooler(Layer):
    """One vector for a sequence: the mean or maximum of its tokens, its first token, or several.

    Padding is ignored, wherever it is; a row without tokens yields 0.

    Args:
        parts: any of `"mean"`, `"max"`, `"first"` and `"mean_sqrt"`, the sum divided by the root of
            the number of tokens; their vectors are joined in this order.

    Example:

    >>> hidden = np.array([[[1.0], [3.0], [9.0]]], "float32")
    >>> mask = np.array([[True, True, False]])
    >>> np.asarray(AllTokensPooler()(hidden, {"padding_mask": mask})).tolist()
    [[2.0, 3.0]]
    """

    keeps_tokens = False

    def __init__(self, parts: Sequence[str] = ("mean", "max"), **kwargs: Any):
        super().__init__(**kwargs)
        self.parts = parts
        if not parts or isinstance(parts, str) or not {*parts} <= {*PARTS}:
            raise ValueError(f"parts must be some of {PARTS}, not {parts!r}")

    def call(self, hidden: Any, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Pools (batch, length, d) to (batch, parts · d).

        Args:
            hidden: float tensor (batch, length, d).
            inputs: the inputs of the model; `padding_mask` is read.
            training: not used.
        """
        real = ops.expand_dims(inputs["padding_mask"], -1)
        count = ops.maximum(ops.sum(ops.cast(real, "float32"), axis=1), 1)
        total = ops.sum(ops.cast(ops.where(real, hidden, 0), "float32"), axis=1)
        pooled = {"mean": total / count, "mean_sqrt": total * ops.rsqrt(count)}
        pooled = {part: ops.cast(x, hidden.dtype) for part, x in pooled.items()}
        if "first" in self.parts:
            leads = ops.cumsum(ops.cast(real, "int32"), axis=1) == 1
            is_first = ops.logical_and(leads, real)
            pooled["first"] = ops.sum(ops.where(is_first, hidden, 0), axis=1)
        if "max" in self.parts:
            least = ops.where(ops.any(real, axis=1), -float("inf"), 0.0)
            least = ops.cast(least, hidden.dtype)[:, None]
            pooled["max"] = ops.max(ops.where(real, hidden, least), axis=1)
        return ops.concatenate([pooled[part] for part in self.parts], axis=-1)

    def compute_output_shape(
        self, hidden_shape: Any, inputs_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (hidden_shape[0], len(self.parts) * hidden_shape[-1])

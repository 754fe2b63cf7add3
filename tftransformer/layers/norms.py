"""The norm slots: which normalisation, and where it stands beside a residual connection."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, register
from tftransformer.layers.dropout import Dropout


@register
class LayerNorm(keras.layers.LayerNormalization):
    """`γ (x − mean) / √(variance + ε) + β` over the last axis (Ba et al. 2016, eq. 4).

    Keras's layer with the gradient written out: it makes two thirds of the passes over `x` that
    the derivatives of the single operations make. Moments are computed in float32.
    """

    def call(self, inputs: Any) -> Any:
        """Normalises a float tensor (..., width)."""
        x = ops.cast(inputs, "float32")
        gamma, beta = ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32")
        return ops.cast(_layer_norm(x, gamma, beta, self.epsilon), self.compute_dtype)


def _layer_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    def mean(values: Any) -> Any:
        return ops.mean(values, axis=-1, keepdims=True)

    @ops.custom_gradient
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        centred = x - mean(x)
        scale = ops.rsqrt(mean(ops.square(centred)) + epsilon)
        normed = centred * scale

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
            (upstream,) = args if upstream is None else (upstream,)
            rows = tuple(range(len(x.shape) - 1))
            slope = upstream * gamma
            x_slope = scale * (slope - mean(slope) - normed * mean(slope * normed))
            return x_slope, ops.sum(upstream * normed, axis=rows), ops.sum(upstream, axis=rows)

        return normed * gamma + beta, gradient

    return norm(x, gamma, beta)


_NORMS = {
    "layer": LayerNorm,
    "rms": keras.layers.RMSNormalization,
}


def make_norm(normalization: str, epsilon: float, **kwargs: Any) -> keras.layers.Layer:
    """Returns a normalisation layer over the last axis.

    Args:
        normalization: "layer" (Ba et al. 2016) or "rms" (no mean, no bias: Zhang and
            Sennrich 2019).
        epsilon: added to the variance; families differ in it, so there is no default.
        **kwargs: `name` and `dtype` of the layer.
    """
    if normalization not in _NORMS:
        raise ValueError(f"normalization must be one of {tuple(_NORMS)}, not {normalization!r}")
    norm = _NORMS[normalization](epsilon=epsilon, **kwargs)
    norm.supports_masking = True  # RMSNormalization does not say so itself
    return norm


@register
class Residual(Layer):
    """A residual connection around a sublayer, with its norm and its dropout.

    "post" is `norm(x + dropout(sublayer(x)))` (Vaswani et al. 2017, §3.1), "pre" is
    `x + dropout(sublayer(norm(x)))` (Xiong et al. 2020).

    Args:
        norm: normalisation layer.
        placement: "post" or "pre".
        dropout: rate on the sublayer's output.
    """

    def __init__(
        self,
        norm: keras.layers.Layer,
        placement: str = "post",
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if placement not in ("post", "pre"):
            raise ValueError(f'norm must stand "post" or "pre", not {placement!r}')
        self.norm, self.placement = norm, placement
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, x_shape):
        if not self.norm.built:
            self.norm.build(x_shape)

    def call(self, x: Any, sublayer: Callable[[Any], Any], training: bool | None = None) -> Any:
        """Applies `sublayer`, a callable from and to (batch, length, d_model), around `x`."""
        if self.placement == "pre":
            return x + self.dropout(sublayer(self.prepare(x)), training=training)
        return self.norm(x + self.dropout(sublayer(x), training=training))

    def prepare(self, x: Any) -> Any:
        """Returns `x` as the sublayer sees it: normed before it, or as it is."""
        return self.norm(x) if self.placement == "pre" else x

"""Norms, and their places in a residual connection."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, build_once, check_choice, copy_of, register
from tftransformer.core.gradients import custom_gradient
from tftransformer.layers.dropout import Dropout


@register
class LayerNorm(keras.layers.LayerNormalization):
    """`γ (x − mean) / √(variance + ε) + β` over the last axis (Ba et al. 2016, eq. 4).

    Keras's layer with a hand-written gradient, which needs two thirds of the passes over `x` that
    the derivatives of the single operations need. Moments are computed in float32. With
    `center=False` there is no β.
    """

    def call(self, inputs: Any) -> Any:
        """Normalises a float tensor (..., width)."""
        weights = [self.gamma] if self.beta is None else [self.gamma, self.beta]
        x, *weights = (ops.cast(value, "float32") for value in (inputs, *weights))
        return ops.cast(_layer_norm(x, *weights, epsilon=self.epsilon), self.compute_dtype)


def _layer_norm(x: Any, gamma: Any, *beta: Any, epsilon: float) -> Any:
    def mean(values: Any) -> Any:
        return ops.mean(values, axis=-1, keepdims=True)

    @custom_gradient
    def norm(x: Any, gamma: Any, *beta: Any) -> Any:
        centred = x - mean(x)
        scale = ops.rsqrt(mean(ops.square(centred)) + epsilon)
        normed = centred * scale

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            rows = tuple(range(len(x.shape) - 1))
            slope = upstream * gamma
            x_slope = scale * (slope - mean(slope) - normed * mean(slope * normed))
            of_beta = (ops.sum(upstream, axis=rows) for _ in beta)
            return x_slope, ops.sum(upstream * normed, axis=rows), *of_beta

        return sum(beta, normed * gamma), gradient

    return norm(x, gamma, *beta)


@register
class ShiftedRMSNorm(Layer):
    """`(1 + γ) x / √(mean(x²) + ε)` over the last axis (Gemma, Mesnard et al. 2024, §2).

    γ starts from 0. Weight decay pulls its gains towards 1.

    Args:
        epsilon: added to the mean of squares.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, x_shape: Any) -> None:
        self.scale = self.add_weight(shape=(x_shape[-1],), initializer="zeros", name="scale")

    def call(self, x: Any) -> Any:
        """Normalises a float tensor (..., width)."""
        gains = 1.0 + ops.cast(self.scale, "float32")
        normed = ops.rms_normalization(ops.cast(x, "float32"), gains, epsilon=self.epsilon)
        return ops.cast(normed, self.compute_dtype)

    def compute_output_shape(self, x_shape: Any) -> tuple[int | None, ...]:
        return x_shape


_NORMS = {
    "layer": LayerNorm,
    "rms": keras.layers.RMSNormalization,
    "shifted_rms": ShiftedRMSNorm,
}


def make_norm(
    normalization: str | keras.layers.Layer, epsilon: float, **kwargs: Any
) -> keras.layers.Layer:
    """Returns a normalisation layer over the last axis.

    Args:
        normalization: "layer" (Ba et al. 2016), "rms" (no mean, no bias: Zhang and Sennrich 2019),
            "shifted_rms" (see `ShiftedRMSNorm`), or a layer to copy, which keeps its own epsilon.
        epsilon: added to the variance; it differs between families, so there is no default.
        **kwargs: `name` and `dtype` of the layer, and `center=False` for a layer norm without bias.
    """
    if isinstance(normalization, keras.layers.Layer):
        config = copy_of(normalization).get_config()
        return type(normalization).from_config({**config, "name": kwargs["name"]})
    check_choice(_NORMS, normalization=normalization)
    norm = _NORMS[normalization](epsilon=epsilon, **kwargs)
    norm.supports_masking = True  # RMSNormalization does not say so itself
    return norm


@register
class Residual(Layer):
    """A residual connection around a sublayer: three slots for norms, and a dropout.

    `after(x + dropout(inside(sublayer(before(x)))))`. Post-norm has a norm `after` (Vaswani et al.
    2017, §3.1), pre-norm one `before` (Xiong et al. 2020), Gemma 2 one `before` and one `inside`.

    Args:
        before: layer that normalises what the sublayer sees, or None.
        inside: layer that normalises what the sublayer returns, or None.
        after: layer that normalises the sum, or None.
        dropout: rate on the sublayer's output.
    """

    def __init__(
        self,
        before: keras.layers.Layer | None = None,
        inside: keras.layers.Layer | None = None,
        after: keras.layers.Layer | None = None,
        *,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.before, self.inside, self.after = before, inside, after
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    @classmethod
    def at(cls, placement: str, norm: Callable[[str], keras.layers.Layer], **options: Any) -> Any:
        """Returns a residual connection with norms at named places.

        Args:
            placement: "post", "pre", or "sandwich" (before and inside).
            norm: function from a name to a norm.
            **options: arguments of the class.
        """
        slots = {"post": ("after",), "pre": ("before",), "sandwich": ("before", "inside")}
        check_choice(slots, norm=placement)
        names = slots[placement]
        made = {name: norm("norm" if len(names) == 1 else f"norm_{name}") for name in names}
        return cls(**made, **options)

    @property
    def norm(self) -> keras.layers.Layer | None:
        """The first norm that acts, or None."""
        return next((n for n in (self.before, self.inside, self.after) if n is not None), None)

    def build(self, x_shape: Any) -> None:
        for norm in (self.before, self.inside, self.after):
            build_once(norm, x_shape)

    def call(self, x: Any, sublayer: Callable[[Any], Any], training: bool | None = None) -> Any:
        """Applies `sublayer`, a callable from and to (batch, length, d_model), around `x`."""
        return self.added(x, sublayer(self.prepare(x)), training)

    def added(self, x: Any, y: Any, training: bool | None = None) -> Any:
        """Adds what a sublayer returned to `x`."""
        if self.inside is not None:
            y = self.inside(y)
        x = x + self.dropout(y, training=training)
        return x if self.after is None else self.after(x)

    def prepare(self, x: Any) -> Any:
        """Returns `x` as the sublayer sees it: after the norm `before`, if there is one."""
        return x if self.before is None else self.before(x)

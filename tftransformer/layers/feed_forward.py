"""FeedForward."""

from typing import Any

import keras

from tftransformer.core import Layer, get_activation, register
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection


@register
class FeedForward(Layer):
    """Two projections with an activation between them, at each position (Vaswani et al. 2017, eq.
    2).

    `activation(x W_1 + b_1) W_2 + b_2`; gated: `(activation(x W_1) · x V) W_2` (Shazeer 2020).

    Args:
        d_model: width of the output.
        dff: width between the projections.
        activation: name or callable; "gelu" is the exact form, "gelu_tanh" the approximation.
        dropout: rate after the activation.
        use_bias: whether the projections have a bias.
        gated: whether a second projection gates the activation.
        kernel_initializer: initializer of the projections.
        output_initializer: initializer of the projection back to `d_model`; default:
            `kernel_initializer`.
    """

    mixes_positions = False

    def __init__(
        self,
        d_model: int,
        dff: int,
        *,
        activation: Any = "relu",
        dropout: float = 0.0,
        use_bias: bool = True,
        gated: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        output_initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.dff = d_model, dff
        self.activation = get_activation(activation)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

        def projection(name: str, width: int, initializer: Any = None) -> keras.layers.Dense:
            initializer = initializer or kernel_initializer
            return make_projection(name, width, use_bias, initializer, self.dtype_policy)

        self.inner = projection("inner", dff)
        self.gate = projection("gate", dff) if gated else None
        self.outer = projection("outer", d_model, output_initializer)

    def build(self, x_shape: Any) -> None:
        self.inner.build(x_shape)
        if self.gate is not None:
            self.gate.build(x_shape)
        self.outer.build((*x_shape[:-1], self.dff))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Transforms each position: (batch, length, d) → (batch, length, d_model)."""
        hidden = self.activation(self.inner(x))
        if self.gate is not None:
            hidden = hidden * self.gate(x)
        return self.outer(self.dropout(hidden, training=training))

    def compute_output_shape(self, x_shape: Any) -> tuple[int | None, ...]:
        return (*x_shape[:-1], self.d_model)


# Layers of Keras that transform each position alone.
_BY_POSITION = (
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.Identity,
    keras.layers.LayerNormalization,
    keras.layers.LeakyReLU,
    keras.layers.ReLU,
    keras.layers.RMSNormalization,
    keras.layers.Rescaling,
)


def mixes_positions(layer: keras.layers.Layer) -> bool:
    """Whether the output of a layer at one position may depend on other positions.

    A layer declares it by an attribute `mixes_positions`; for Keras's layers it is known. Any other
    layer is assumed to mix positions, since a cache would then silently give wrong results.
    """
    said = getattr(layer, "mixes_positions", None)
    if said is not None:
        return said
    if isinstance(layer, keras.Sequential):
        return any(mixes_positions(inner) for inner in layer.layers)
    return not isinstance(layer, _BY_POSITION)

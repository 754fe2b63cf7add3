"""Transform."""

from typing import Any

import keras

from tftransformer.core import Layer, build_once, get_activation, register
from tftransformer.layers.projection import make_projection


@register
class Transform(Layer):
    """`norm(activation(h W + b))`: what a head does to states before its last projection.

    Args:
        width: width of the result.
        activation: activation of the projection.
        norm: layer that normalises the result, or None.
        use_bias: whether the projection has a bias.
        kernel_initializer: initializer of the projection.
    """

    def __init__(
        self,
        width: int,
        *,
        activation: Any = "gelu",
        norm: keras.layers.Layer | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width, self.norm = width, norm
        self.activation = get_activation(activation)
        self.projection = make_projection(
            "projection", width, use_bias, kernel_initializer, self.dtype_policy
        )

    def build(self, states_shape: Any) -> None:
        self.projection.build(states_shape)
        build_once(self.norm, self.compute_output_shape(states_shape))

    def call(self, states: Any) -> Any:
        """Transforms states: float (…, d) → (…, width)."""
        states = self.activation(self.projection(states))
        return states if self.norm is None else self.norm(states)

    def compute_output_shape(self, states_shape: Any) -> tuple[int | None, ...]:
        return (*states_shape[:-1], self.width)


def transformed_shape(transform: keras.layers.Layer | None, states_shape: Any) -> Any:
    """Returns the shape of what a head's transformation, built here, makes of states, or theirs."""
    if transform is None:
        return states_shape
    build_once(transform, states_shape)
    return transform.compute_output_shape(states_shape)

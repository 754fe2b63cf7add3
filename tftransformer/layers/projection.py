"""Dense projections inside layers."""

from typing import Any

import keras
from keras import ops

from tftransformer.core import fresh, register
from tftransformer.core.gradients import custom_gradient


def add_bias(x: Any, bias: Any) -> Any:
    """Adds a bias (width,) to each row of a float tensor (rows, width).

    Below float32 the gradient of the bias is summed in float32. TensorFlow would sum in the
    precision of the rows, which loses terms of a long sum, and on a GPU adds one after another with
    atomics. For float32 rows TensorFlow's own gradient is used: it loses nothing, and on a CPU a
    plain sum takes up to three times as long.
    """
    if keras.backend.standardize_dtype(x.dtype) == "float32":
        return ops.add(x, bias)

    @custom_gradient
    def added(x: Any, bias: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            total = ops.sum(ops.cast(upstream, "float32"), axis=0)
            return upstream, ops.cast(total, upstream.dtype)

        return ops.add(x, bias), gradient

    return added(x, ops.cast(bias, x.dtype))


@register
class Projection(keras.layers.Dense):
    """Keras's `Dense`, which treats its input as one matrix of rows, whatever its axes.

    Keras contracts tensors with more axes by their shapes, which on a GPU costs four copies to and
    from the host for each layer.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Projects a float tensor (..., width) to (..., units)."""
        *batch, width = ops.shape(inputs)
        x = ops.matmul(ops.reshape(inputs, (-1, width)), self.kernel)
        if self.bias is not None:
            x = add_bias(x, self.bias)
        if self.activation is not None:
            x = self.activation(x)
        return ops.reshape(x, (*batch, self.units))


def make_projection(
    name: str, width: int, use_bias: bool, initializer: Any, dtype: Any
) -> Projection:
    """Returns a dense layer with a copy of the initializer; a shared one would draw equal kernels.

    Args:
        name: name of the layer.
        width: width of its output.
        use_bias: whether it has a bias.
        initializer: initializer of the kernel.
        dtype: dtype of the layer.
    """
    return Projection(
        width,
        use_bias=use_bias,
        kernel_initializer=fresh(initializer),
        dtype=dtype,
        name=name,
    )

"""Dense projections inside layers."""

from typing import Any

import keras


def make_projection(
    name: str, width: int, use_bias: bool, initializer: Any, dtype: Any
) -> keras.layers.Dense:
    """Returns a dense layer with an initialiser of its own; a shared one would draw equal kernels.

    Args:
        name: of the layer.
        width: of its output.
        use_bias: whether it has a bias.
        initializer: of the kernel.
        dtype: of the layer.
    """
    return keras.layers.Dense(
        width,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.get(initializer).clone(),
        dtype=dtype,
        name=name,
    )

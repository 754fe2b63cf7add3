"""Dense projections inside layers."""

from typing import Any

import keras


def fresh(initializer: Any) -> Any:
    """Returns an initializer for one weight: two weights of the same object would be equal."""
    initializer = keras.initializers.get(initializer)
    return initializer.clone() if hasattr(initializer, "clone") else initializer


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
        kernel_initializer=fresh(initializer),
        dtype=dtype,
        name=name,
    )

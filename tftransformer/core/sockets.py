"""Layers and initializers that a person hands in: what they are asked for, how they are used."""

import inspect
from typing import Any

import keras


def check_layer(name: str, layer: Any, *arguments: str, such_as: str) -> None:
    """Raises a TypeError for what cannot stand in a socket; None can.

    Args:
        name: name of the socket.
        layer: what was given.
        *arguments: the arguments that it will be called with, by position.
        such_as: what fits, for the error.
    """
    if layer is None:
        return
    if isinstance(layer, type):
        raise TypeError(f"{name} is the class {layer.__name__}: give an object, such as {such_as}.")
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(f"{name}={layer!r} is no layer: give one such as {such_as}.")
    if not _can_take(layer, *arguments):
        raise TypeError(
            f"{name} is called with {', '.join(arguments)}, which {type(layer).__name__} does not "
            f"take: give a layer such as {such_as}."
        )


def build_once(layer: keras.layers.Layer | None, *shapes: Any, dtype: str | None = None) -> None:
    """Builds a layer that is not built yet; one without a `build` of its own by a first call.

    A layer that cannot be called with these alone, such as a pooler that reads the inputs of the
    model, has what it has.

    Args:
        layer: the layer, or None.
        *shapes: of its inputs.
        dtype: dtype of its inputs; default: its compute dtype.
    """
    if layer is None:
        return
    if type(layer).build is keras.layers.Layer.build and _can_take(layer, *shapes):
        # Keras may count it as built without its weights: where it comes out of a file.
        layer(*(keras.KerasTensor(shape, dtype or layer.compute_dtype) for shape in shapes))
    elif not layer.built:
        layer.build(*shapes)


def fresh(initializer: Any) -> Any:
    """Returns an initializer for one weight, with a seed of its own.

    Two weights of the same object would be equal, and the weights of one that was made before
    `keras.utils.set_random_seed` would differ from run to run.
    """
    initializer = keras.initializers.get(initializer)
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def _can_take(layer: keras.layers.Layer, *arguments: Any) -> bool:
    """Whether a layer may be called with these arguments and no others."""
    try:
        inspect.signature(layer.call).bind(*arguments)
    except TypeError:
        return False
    return True

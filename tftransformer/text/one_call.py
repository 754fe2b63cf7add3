"""Many operations as one."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def traced_apart(function: Callable[..., Any], **how: Any) -> Any:
    """`tf.function(function, **how)`, for code that many objects trace, each once.

    TensorFlow counts traces by code and warns of the fifth, whichever object it is of. A `partial`
    has no code, so it is counted by itself.
    """
    return tf.function(functools.partial(function), **how)


def in_one_call(function: Callable[..., Any], *specs: tf.TensorSpec) -> Callable[[], Any]:
    """Makes a function one call outside of a graph, and one node inside.

    It is traced once, when it is first asked for. Behind a function of its own, so that an export
    of the module whose method it is does not trace what is not used.

    Args:
        function: from tensors to tensors.
        specs: what it takes.

    Returns:
        a function without arguments that gives the traced one.
    """
    return functools.cache(
        lambda: traced_apart(
            function,
            input_signature=specs,
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
    )

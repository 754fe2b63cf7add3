"""Models that have shapes and no memory yet."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.backend.common import global_state

_WAITING = "uninitialized_variables"


@contextlib.contextmanager
def unallocated() -> Iterator[list[keras.Variable]]:
    """Gives the list of the variables made in the block: they have shapes, but no values.

    Their number can be counted and their shapes compared with a file before anything large is
    allocated. A model made so is of use once each variable of the list went through `allocate`.

    >>> with unallocated() as variables:
    ...     layer = keras.layers.Dense(10**6)
    ...     layer.build((None, 10**6))
    >>> layer.count_params()
    1000001000000
    """
    outside = global_state.get_global_attribute(_WAITING)
    made: list[keras.Variable] = []
    global_state.set_global_attribute(_WAITING, made)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield made
    finally:
        global_state.set_global_attribute(_WAITING, outside or [])


def allocate(variable: keras.Variable, value: Any = None) -> None:
    """Gives an unallocated variable its value; default: what its initializer makes."""
    if value is not None:
        variable._initializer = lambda shape, dtype: value
    variable._deferred_initialize()

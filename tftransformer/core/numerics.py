"""Numerics shared by all floors."""

from typing import Any

import keras
from keras import ops

from tftransformer.core.compiling import concrete
from tftransformer.core.registration import register

# Small enough that exp(x - max) is exactly 0 beside any real logit, and finite in float32.
_HIDDEN = -1e30


def masked_softmax(logits: Any, mask: Any = None, sees_something: Any = None) -> Any:
    """Softmax over the keys that a query may see, in float32.

    The mask enters once, through `where`: no large negative number is ever added to a logit.
    A query that may see no key gets the weight 0 everywhere, and finite gradients.

    Args:
        logits: float tensor (..., queries, keys).
        mask: bool tensor broadcastable to `logits`, True = may attend; None = all may.
        sees_something: bool tensor (..., queries, 1), whether a query may see any key; default: as
            the mask has it.

    Returns:
        float32 tensor (..., queries, keys); each row sums to 1, or to 0 where nothing is visible.
    """
    logits = ops.cast(logits, "float32")
    if mask is None:
        return _softmax(logits)
    weights = _softmax(ops.where(mask, logits, _HIDDEN))
    if sees_something is None:
        sees_something = ops.any(mask, axis=-1, keepdims=True)
    return ops.where(sees_something, weights, 0.0)


def _softmax(logits: Any) -> Any:
    """Softmax over the last axis; a single key has all the weight, which Keras would warn of."""
    return ops.ones_like(logits) if logits.shape[-1] == 1 else ops.softmax(logits, axis=-1)


def log_probabilities(chosen: Any, largest: Any, probability: Any) -> Any:
    """Logarithms of the probabilities of some classes, by the softmax of all.

    On a CPU that is faster than an exponential and a sum, and a loss has the softmax anyway. The
    two terms are both ≤ 0, so that no digit is lost, however large the logits are and however
    near the result is to 0.

    Args:
        chosen: float32 tensor (rows, n), the logits of these classes.
        largest: float32 tensor (rows, 1), the largest logit.
        probability: float32 tensor (rows, 1), that of its class by the softmax: it cannot vanish.

    Returns:
        float32 tensor (rows, n).
    """
    return (chosen - largest) + ops.log(probability)


def checked_ids(ids: Any, size: int) -> Any:
    """Returns ids to read a table of `size` rows by; one below 0 is as wrong as one too large.

    A table is read from its end by negative ids, in silence. Within a graph ids are not known yet:
    what happens there to an id that is out of range is the device's affair, an error on a CPU.

    Raises:
        ValueError: for ids out of range, where they can be looked at.
    """
    values = concrete(ids)
    if values is not None and values.size and (values.min() < 0 or values.max() >= size):
        raise ValueError(
            f"the ids go from {values.min()} to {values.max()}, and the table has the rows 0 to "
            f"{size - 1}: is the tokenizer that of the model?"
        )
    return ops.where(ids < 0, ops.cast(size, ids.dtype), ids)


@register
def gelu_tanh(x: Any) -> Any:
    """GELU in its tanh form (Hendrycks and Gimpel 2016, §2), as GPT, GPT-2 and T5 v1.1 use it."""
    return keras.activations.gelu(x, approximate=True)


def get_activation(identifier: Any) -> Any:
    """Returns the activation of a name ("relu", "gelu", "gelu_tanh", "silu", …) or a callable.

    `"gelu"` is the exact form with the error function.
    """
    if identifier == "gelu_tanh":
        return gelu_tanh
    return keras.activations.get(identifier)

"""In which precision the matrix products of a training step are computed."""

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

_OPTION = "auto_mixed_precision_onednn_bfloat16"
_INFERLIST_REMOVE = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_INFERLIST_REMOVE"


@contextlib.contextmanager
def bfloat16_products(enabled: bool) -> Iterator[None]:
    """Within it, TensorFlow rewrites the graphs that run on a CPU.

    Matrix products, and the element-wise operations between them, take and give bfloat16; sums
    of many terms, exponentials, the loss and the weights stay float32.

    Args:
        enabled: False leaves everything as it is.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OPTION, False)
    if enabled == before or not enabled:
        yield
        return
    _sum_biases_in_float32()
    tf.config.optimizer.set_experimental_options({_OPTION: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})


def _sum_biases_in_float32() -> None:
    """Keeps the gradients of biases out of the rewriting: bfloat16 loses sums of many rows."""
    listed = os.environ.get(_INFERLIST_REMOVE, "").split(",")
    # Set once and left: the environment is no place to write to at each step, beside other threads.
    if "BiasAddGrad" not in listed:
        os.environ[_INFERLIST_REMOVE] = ",".join(filter(None, [*listed, "BiasAddGrad"]))


def precision_of(model: keras.Model) -> str:
    """Returns in which precision the layers of a model compute by their own policies."""
    found = {layer.compute_dtype for layer in model._flatten_layers()}
    return next((lower for lower in ("float16", "bfloat16") if lower in found), "float32")


@contextlib.contextmanager
def computing_in(model: keras.Model, precision: str) -> Iterator[None]:
    """Within it, the layers of a float32 model compute in a lower precision, weights apart.

    Args:
        model: whose policies are put back afterwards.
        precision: "float32" leaves everything as it is.
    """
    if precision == "float32" or precision_of(model) != "float32":
        yield
        return
    policies = [(layer, layer.dtype_policy) for layer in model._flatten_layers()]
    try:
        for layer, policy in policies:
            if policy.variable_dtype == "float32":
                layer.dtype_policy = f"mixed_{precision}"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy

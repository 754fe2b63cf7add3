"""In which precision the matrix products of a training step are computed."""

import contextlib
import functools
import os
import pathlib

import tensorflow as tf

PRECISIONS = ("auto", "float32", "bfloat16")
_OPTION = "auto_mixed_precision_onednn_bfloat16"
_INFERLIST_REMOVE = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_INFERLIST_REMOVE"


def uses_bfloat16(precision: str, jit_compile: bool) -> bool:
    """Whether training steps multiply matrices in bfloat16.

    Args:
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor has
            instructions for it.
        jit_compile: whether XLA compiles the steps; it keeps to float32.

    Raises:
        ValueError: for any other precision, or bfloat16 under XLA.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: expected one of {', '.join(PRECISIONS)}.")
    if jit_compile:
        if precision == "bfloat16":
            raise ValueError(
                'precision="bfloat16" is not for XLA: leave out jit_compile=True, or give the '
                'model dtype="mixed_bfloat16".'
            )
        return False
    return precision == "bfloat16" or (precision == "auto" and _processor_has_bfloat16())


@contextlib.contextmanager
def bfloat16_products(enabled: bool):
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


@functools.cache
def _processor_has_bfloat16() -> bool:
    processor = pathlib.Path("/proc/cpuinfo")  # Linux; elsewhere float32 is the safe choice
    flags = processor.read_text(errors="replace").split() if processor.is_file() else []
    return bool({"avx512_bf16", "amx_bf16"}.intersection(flags))

"""Copies of models in another precision."""

from typing import Any

from keras import ops

from tftransformer.core import check_choice


def in_precision(model: Any, precision: str) -> Any:
    """Returns a copy of a model whose weights and activations have another precision.

    A model that computes in another precision than that of its weights casts them at each step of
    decoding; here they are cast once. Softmax, norms and the scores of a search are always float32.

    Args:
        model: a model whose configuration has its `dtype`, as all of this package have.
        precision: "bfloat16", "float16" or "float32". On a processor with instructions for it,
            bfloat16 is about twice as fast and needs half of the memory.

    Returns:
        The copy; later changes of the model do not affect it.

    Example:

    >>> model = tt.Gpt2(vocab_size=100, num_layers=1, d_model=16, num_heads=2)
    >>> in_precision(model, "bfloat16").weights[0].dtype
    'bfloat16'
    """
    check_choice(("bfloat16", "float16", "float32"), precision=precision)
    copy = type(model).from_config(_with_dtype(model.get_config(), precision))
    for own, weight in zip(copy.weights, model.weights, strict=True):
        own.assign(ops.cast(weight, own.dtype))
    return copy


def _with_dtype(config: Any, dtype: str) -> Any:
    """A configuration with another dtype, in the layers that were handed in ready-made, too."""
    if isinstance(config, dict):
        config = {name: _with_dtype(value, dtype) for name, value in config.items()}
        return {**config, "dtype": dtype} if "dtype" in config else config
    return [_with_dtype(part, dtype) for part in config] if isinstance(config, list) else config

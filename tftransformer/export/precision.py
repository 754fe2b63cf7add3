"""Models in another precision."""

from typing import Any

from keras import ops


def in_precision(model: Any, precision: str) -> Any:
    """Returns a copy of a model whose weights and activations have another precision.

    A model that computes in another precision than its weights have casts them at each step of
    decoding; these are cast once. Softmax, norms and the scores of a search are float32 anyway.

    Args:
        model: a model whose configuration holds its `dtype`, as all of this package do.
        precision: "bfloat16", "float16" or "float32". On a processor with instructions for it,
            bfloat16 is about twice as fast and needs half of the memory.

    Returns:
        The copy. Nothing that happens to the model later moves it.

    Example:
    >>> translate = Translator(in_precision(model, "bfloat16"), data)
    """
    if precision not in ("bfloat16", "float16", "float32"):
        raise ValueError(
            f'precision must be "bfloat16", "float16" or "float32", not {precision!r}.'
        )
    copy = type(model).from_config({**model.get_config(), "dtype": precision})
    for own, weight in zip(copy.weights, model.weights, strict=True):
        own.assign(ops.cast(weight, own.dtype))
    return copy

"""Low-rank adapters, with the LoRA of Keras's layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tftransformer.core import check_ints, check_numbers
from tftransformer.training.trainable import trained_weights


def add_lora(
    model: keras.Model,
    rank: int,
    *,
    alpha: float | None = None,
    layers: Sequence[str] = ("query", "value"),
    whole: Sequence[keras.layers.Layer] = (),
) -> int:
    """Freezes a model, and adds a trained low-rank product `A B` to some of its layers.

    LoRA (Hu et al. 2022, §4.1): `W + alpha / rank · A B`, where B starts as zero, so that at first
    the model computes the same as before. It calls Keras's `enable_lora` on each `Dense` and
    `Embedding` with one of the names; a table that is tied to a head changes both. Weights are
    frozen one by one, and the optimizer of a `Trainer` keeps moments only for the trained ones.
    Assigning `trainable` to the model or its layers, as `freeze` and `GradualUnfreezing` do, would
    train the frozen ones again.

    A saved file (`.keras`, weights) holds the sums, and loads as a model without LoRA. Before a
    `Trainer` resumes, call `add_lora` with the same arguments.

    Args:
        model: built.
        rank: rank of the products, at most the width of the layers.
        alpha: scale of the product, as above; default: `rank`.
        layers: names of layers: "query", "key", "value" and "output" of attention, "inner" and
            "outer" of feed-forward nets, "table" of embeddings and positions.
        whole: layers whose own weights are also trained, such as a new head.

    Returns:
        how many weights are trained.

    Raises:
        ValueError: no layer has such a name, or one has LoRA already or cannot have it.

    Example:

    >>> model = tt.Gpt2(vocab_size=20, num_layers=2, d_model=8, num_heads=2, num_positions=16)
    >>> add_lora(model, rank=2)  # of 2 · 872 + 176 + 128 + 160
    128
    >>> merge_lora(model)
    4
    """
    check_ints(1, rank=rank)
    check_numbers(0, or_none=True, alpha=alpha)
    flat = model._flatten_layers()
    chosen = [layer for layer in flat if layer.name in layers and layer.weights]
    missing = {*layers} - {layer.name for layer in chosen}
    unable = [layer for layer in chosen if not hasattr(layer, "enable_lora")]
    if missing or unable:
        able = {layer.name for layer in flat if hasattr(layer, "enable_lora") and layer.weights}
        wrong = sorted(missing or {layer.name for layer in unable})
        raise ValueError(
            f"the model has no layers {wrong} with LoRA. It has these: {sorted(able)}. A model "
            "without weights is to be built first, or called once."
        )
    if again := [layer.path for layer in chosen if layer.lora_enabled]:
        raise ValueError(f"{again[0]} has LoRA already: merge_lora(model) adds it to its weights.")
    kept = {id(v) for top in whole for layer in top._flatten_layers() for v in _own(layer)}
    for layer in flat:
        for variable in _own(layer):
            variable.trainable = id(variable) in kept
    for layer in chosen:
        layer.enable_lora(rank, lora_alpha=alpha)
    return trained_weights(model)


def merge_lora(model: keras.Model) -> int:
    """Adds the low-rank products to the weights, which makes it a model without LoRA.

    It computes the same as before, and all its weights become trainable. See `add_lora`.

    Returns:
        how many layers had one.

    Raises:
        ValueError: none had.
    """
    adapted = adapted_layers(model)
    if not adapted:
        raise ValueError("no layer of the model has LoRA: add_lora(model, rank) gives it to some.")
    for layer in adapted:
        name = "kernel" if hasattr(layer, "lora_kernel_a") else "embeddings"
        getattr(layer, f"_{name}").assign(getattr(layer, name))
        for factor in ("a", "b"):
            layer._untrack_variable(getattr(layer, f"lora_{name}_{factor}"))
        layer.lora_enabled, layer.lora_rank, layer.lora_alpha = False, None, None
    for layer in model._flatten_layers():
        for variable in _own(layer):
            variable.trainable = layer.trainable
    return len(adapted)


def adapted_layers(model: keras.layers.Layer) -> list[Any]:
    """Returns the layers of a model that have LoRA."""
    flat = model._flatten_layers()
    return [layer for layer in flat if getattr(layer, "lora_enabled", False)]


def copy_weights(model: keras.layers.Layer, twin: keras.layers.Layer) -> None:
    """Gives a model the weights of one that is built alike, its LoRA, and what of it is trained."""
    pairs = list(zip(model._flatten_layers(), twin._flatten_layers(), strict=True))
    for layer, other in pairs:
        if getattr(other, "lora_enabled", False) and not layer.lora_enabled:
            layer.enable_lora(other.lora_rank, lora_alpha=other.lora_alpha)
    model.set_weights(twin.get_weights())
    for layer, other in pairs:
        layer._trainable = other._trainable
        for variable, theirs in zip(_own(layer), _own(other), strict=True):
            variable.trainable = theirs.trainable


def _own(layer: Any) -> list[keras.Variable]:
    return list(layer._trainable_variables)

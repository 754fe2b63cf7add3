"""What is frozen of a model, and its parts from the bottom up, by names of Keras not public."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.stacks import Encoder


def may_be_trained(model: keras.Model) -> list[keras.Variable]:
    """Returns the variables that are trained once no layer is frozen, in the model's order.

    One of a frozen layer is among them: setting `layer.trainable` in a callback trains it from then
    on. One that is frozen in a layer that is not, as LoRA leaves a kernel, is not.
    """
    made_for_it = {
        id(variable)
        for layer in model._flatten_layers()
        for variable in layer._trainable_variables
        if variable.trainable or not layer.trainable
    }
    return [variable for variable in model.variables if id(variable) in made_for_it]


def frozen_layers(model: keras.Model) -> list[int]:
    """Returns the numbers of the layers that are frozen."""
    layers = enumerate(model._flatten_layers())
    return [index for index, layer in layers if not layer.trainable]


def freeze_layers(model: keras.Model, numbers: Sequence[int]) -> None:
    """Freezes the layers of these numbers, as `frozen_layers` returned them, and no other."""
    for index, layer in enumerate(model._flatten_layers()):
        _set_trainable(layer, index not in numbers)


def train_all_but(model: keras.Model, frozen: Sequence[keras.layers.Layer]) -> None:
    """Freezes the weights of these layers themselves, and no others."""
    numbers = {id(layer) for layer in frozen}
    for layer in model._flatten_layers():
        _set_trainable(layer, id(layer) not in numbers)


def trained_weights(model: keras.Model) -> int:
    """Returns how many numbers are trained."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def all_finite(variables: Iterable[Any]) -> bool:
    """Whether all numbers of those variables that are trained are finite."""
    trained = (tf.convert_to_tensor(variable) for variable in variables if variable.trainable)
    return all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in trained)


def _set_trainable(layer: keras.layers.Layer, trainable: bool) -> None:
    # Not by the layer's own setter, which sets what is inside it, too: a tied table is in two.
    if layer.trainable != trainable:
        layer._trainable = trainable
        for variable in layer._trainable_variables:
            variable.trainable = trainable


def parts_of(model: keras.Model) -> list[list[keras.layers.Layer]]:
    """Returns the layers that have weights by the part of the model that they are of, bottom first.

    The first part is the embeddings, with what else layers share (tied tables are of this part),
    then comes each layer of the stacks, that of an encoder before that of a decoder, the last one
    of a stack with the norm that ends it, and at last the heads. A model without stacks has its own
    `layers` as parts.
    """
    flat = model._flatten_layers()
    stacks = [layer for layer in flat if isinstance(layer, Encoder)]
    roots: list[list[Any]] = [[layer] for layer in model.layers]
    if stacks:
        roots = [[layer for stack in stacks for layer in (stack.embeddings, stack.position_bias)]]
        for stack in stacks:
            roots += [[layer] for layer in stack.layers]
            roots[-1].append(stack.final_norm)
    part_of: dict[int, int] = {}
    for number, layers in [*enumerate(roots), (0, stacks)]:
        for inner in (x for layer in layers if layer for x in layer._flatten_layers()):
            part_of.setdefault(id(inner), number)
    parts: list[list[keras.layers.Layer]] = [[] for _ in range(len(roots) + 1)]
    for layer in flat:
        if layer._trainable_variables:
            parts[part_of.get(id(layer), -1)].append(layer)
    return [part for part in parts if part]

"""What is frozen of a model, by names of Keras that are not public."""

from collections.abc import Sequence

import keras


def may_be_trained(model: keras.Model) -> list[keras.Variable]:
    """Returns the variables that are trained once nothing is frozen, in the model's order.

    A frozen one is among them: setting `layer.trainable` in a callback trains it from then on.
    """
    made_for_it = {
        id(variable) for layer in model._flatten_layers() for variable in layer._trainable_variables
    }
    return [variable for variable in model.variables if id(variable) in made_for_it]


def frozen_layers(model: keras.Model) -> list[int]:
    """Returns the numbers of the layers that are frozen."""
    layers = enumerate(model._flatten_layers())
    return [index for index, layer in layers if not layer.trainable]


def freeze_layers(model: keras.Model, numbers: Sequence[int]) -> None:
    """Freezes the layers of these numbers, as `frozen_layers` returned them, and no other."""
    # Outer layers come first, and what is set of a layer is set of all that is inside it.
    for index, layer in enumerate(model._flatten_layers()):
        layer.trainable = index not in numbers

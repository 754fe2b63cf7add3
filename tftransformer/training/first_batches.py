"""What of a model and the first batches does not fit is told before any long work starts."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tftransformer.training.hooks import Carry
from tftransformer.training.outputs import by_name, with_rank
from tftransformer.training.scores import Scores, named


def check_order(carry: Carry | None, batches: Mapping[str, Any], model: keras.Model) -> None:
    """Raises a ValueError where something is carried and batches say that no row goes on.

    Warns where rows go on, and a model with a memory is not given it.
    """
    if carry is None:
        if hasattr(model, "with_memory") and getattr(batches["train"], "in_order", False):
            warnings.warn(
                f"The rows of train go on where those of the batch before ended, of which "
                f"{type(model).__name__} remembers nothing: carry=CarriedMemory() hands it on.",
                stacklevel=4,
            )
        return
    for name, own in batches.items():
        if not getattr(own, "in_order", True):
            raise ValueError(
                f"carry={type(carry).__name__}(...) needs rows that go on where those of the batch "
                f"before ended, and those of {name} do not: DataProcess(..., "
                "objective=NextToken(documents='streams')) reads them so."
            )


def check_padding(model: keras.Model, batches: Any) -> None:
    """Raises a ValueError where the model takes another id for padding than the data is padded by.

    Where the data has a mask besides, which tells the model better, it is a warning.

    Args:
        model: whose `pad_ids` are for each input of ids the name of its mask and the id.
        batches: whose `padding_row` is a row of the inputs that holds nothing else.
    """
    padded = getattr(batches, "padding_row", None)
    padded = padded if isinstance(padded, Mapping) else {"token_ids": padded}
    for name, (mask, known) in getattr(model, "pad_ids", {}).items():
        given = padded.get(name)
        if given is None or known is None or given.flat[0] == known:
            continue
        told = (
            f"{name} are padded with the id {given.flat[0]}, which is that of the tokenizer, but "
            f"the model takes {known} as padding: make it with pad_id={given.flat[0]}."
        )
        if mask not in padded:
            raise ValueError(told)
        warnings.warn(
            f"{told} Training goes by {mask}; ids alone the model will read wrongly.", stacklevel=3
        )


def check_model(
    model: keras.Model, batches: Mapping[str, tuple], strategy: tf.distribute.Strategy
) -> Any:
    """Builds the model and checks that it can read the data.

    Args:
        model: `keras.Model`, built or not.
        batches: the first (inputs, labels, weights) of the training and other data, by name.
        strategy: the strategy that the variables must belong to.

    Returns:
        What the model returns for the first row of the batches, by their names.
    """
    outputs = {}
    with strategy.scope():
        for name, (inputs, *_) in batches.items():
            row = tf.nest.map_structure(lambda part: part[:1], inputs)
            try:
                outputs[name] = model(row, training=False)
            except tf.errors.InvalidArgumentError as error:
                raise ValueError(
                    f"The model cannot run on the first batch of {name}: an id or a position is "
                    "beyond its tables. Is its vocabulary the one of the data?"
                ) from error
    if not model.trainable_variables:
        raise ValueError("No weight of the model is trainable: set model.trainable = True.")
    return outputs


def check_padding_rows(
    scores: Scores, batches: Mapping[str, Any], strategy: tf.distribute.Strategy
) -> None:
    """Raises a ValueError where the model says NaN of a row of padding, and batches have some.

    Their weight is 0, but NaN stays NaN: one such row would be the end of all weights.

    Args:
        scores: those of training, which know the model and its outputs.
        batches: of training and other data, by name.
        strategy: the strategy that the variables belong to.
    """
    for name, own in batches.items():
        if not getattr(own, "has_padding_rows", False):
            continue
        row = tf.nest.map_structure(tf.convert_to_tensor, own.padding_row)
        with strategy.scope():
            outputs = by_name(scores.model, scores.model(row, training=False))
        if any(bool(tf.reduce_any(tf.math.is_nan(outputs[output]))) for output in scores.used):
            raise ValueError(
                "The model says NaN of a row that is nothing but padding, and some batches of "
                f"{name} end with such rows, of weight 0: the loss would be NaN. A mean over real "
                "tokens, as of keras.layers.GlobalAveragePooling1D, divides by their number: "
                "divide by 1 at least, or take tt.AllTokensPooler."
            )


def check_objective(
    objective: Any, scores: Scores, batch: tuple, strategy: tf.distribute.Strategy
) -> None:
    """Raises a ValueError where the model cannot learn what the objective of the data asks.

    Args:
        objective: that of the training data, or None.
        scores: those of training, which know the model and its outputs.
        batch: the first (inputs, labels, weights) of the training data.
        strategy: the strategy that the variables belong to.
    """
    if objective is None:
        return
    inputs, labels, weights = batch
    _, weights = named(labels, weights, list(scores.ranks), scores.used)

    def compute(inputs: Any) -> dict[str, Any]:
        return by_name(scores.model, scores.model(inputs, training=False))

    with strategy.scope():
        objective.check_model(compute, inputs, weights)


def check_labels(scores: Scores, outputs: Mapping[str, Any], batches: Mapping[str, tuple]) -> None:
    """Raises a ValueError where labels of the first batches do not fit the outputs for them."""
    for name, (_, labels, weights) in batches.items():
        own = by_name(scores.model, outputs[name])
        labels, weights = named(labels, weights, list(own), scores.used)
        for output in scores.used:
            _check_classes(labels[output], weights[output], own[output], name)


def _check_classes(labels: tf.Tensor, weights: Any, outputs: Any, name: str) -> None:
    if not labels.dtype.is_integer or labels.shape.rank != outputs.shape.rank - 1:
        return
    classes = outputs.shape[-1]
    real = labels.numpy()[np.broadcast_to(with_rank(weights, labels.shape.rank), labels.shape) != 0]
    if not real.size:
        return
    lowest, highest = real.min(), real.max()
    if lowest < 0 or highest >= classes > 1:
        raise ValueError(
            f"The labels of the first batch of {name} go from {lowest} to {highest}, but the model "
            f"has {classes} classes (0 … {classes - 1}). Is its vocabulary the one of the data? "
            "What is to be ignored has weight 0."
        )

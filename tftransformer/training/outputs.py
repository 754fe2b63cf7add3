"""Which labels and weights belong to which output of a model."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tftransformer.training.losses import LogitsLater

# The name of the output of a model that has one tensor and no more.
ONLY = ""


def by_name(model: keras.Model, outputs: Any) -> dict[str, Any]:
    """Returns the outputs of a model as a dict.

    Args:
        model: what returned them; a functional model names those of a list.
        outputs: a tensor, which gets the name `ONLY`, or a dict or a list of them.
    """
    if isinstance(outputs, Mapping):
        return dict(outputs)
    if isinstance(outputs, list | tuple):
        names = getattr(model, "output_names", None) or range(len(outputs))
        return {str(name): output for name, output in zip(names, outputs, strict=True)}
    return {ONLY: outputs}


def assigned(given: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """Returns what is given for the outputs of a model as a dict by their names.

    Args:
        given: a dict by name, a list in the order of the outputs, or one value for the only
            output; a dict of one entry serves for the only output under any name.
        names: those of the outputs.
        what: how errors call it.

    Raises:
        ValueError: the names are others, or one value is given and there are several outputs.
    """
    listed = ", ".join(map(repr, names))
    if isinstance(given, Mapping):
        if list(names) == [ONLY] and len(given) == 1:
            return {ONLY: next(iter(given.values()))}
        unknown = [name for name in given if name not in names]
        if unknown:
            has = "one output, without a name" if list(names) == [ONLY] else f"the outputs {listed}"
            raise ValueError(f"{what} names {', '.join(map(repr, unknown))}; the model has {has}.")
        return dict(given)
    if isinstance(given, list | tuple):
        if len(given) != len(names):
            raise ValueError(
                f"{what} holds {len(given)} parts for the {len(names)} outputs {listed}: name "
                "those that are meant in a dict."
            )
        return dict(zip(names, given, strict=True))
    if len(names) != 1:
        raise ValueError(
            f"{what} is one for all, but the model has the outputs {listed}: name the one that is "
            f"meant: {{{names[0]!r}: …}}."
        )
    return {names[0]: given}


class Scored(NamedTuple):
    """What one output of a model is scored by, in one of two forms.

    Either `labels` are numbers of classes, int (batch, …), and `outputs` (batch, …, classes); or
    both are values, float (batch, …, width). `weights` are float32 (batch, …), and labels are 0
    where the weight is 0, a label that every loss can be asked for. `outputs` are float32, or
    `LogitsLater`.
    """

    labels: tf.Tensor
    outputs: Any
    weights: tf.Tensor

    @property
    def is_of_classes(self) -> bool:
        """Whether the labels are numbers of classes, one for each place."""
        return self.labels.shape.rank == self.outputs.shape.rank - 1

    @property
    def flat(self) -> "Scored":
        """The same with all axes of the weights in one: what metrics of Keras take."""
        if self.weights.shape.rank == 1:
            return self
        places, *parts = tf.size(self.weights), self.labels, self.outputs
        kept = [tf.shape(part)[self.weights.shape.rank :] for part in parts]
        labels, outputs = (
            tf.reshape(part, tf.concat([[places], shape], 0))
            for part, shape in zip(parts, kept, strict=True)
        )
        # tf.reshape forgets what is known of the last axis.
        outputs = tf.ensure_shape(outputs, (None, *self.outputs.shape[self.weights.shape.rank :]))
        return Scored(labels, outputs, tf.reshape(self.weights, (-1,)))


def scored(labels: tf.Tensor, outputs: Any, weights: tf.Tensor, of_rows: bool = False) -> Scored:
    """Gives labels, outputs and weights of one output of a model the ranks and types that fit.

    Args:
        labels: tensor of the rank of the outputs or one less; where its weight is 0 a label may be
            anything, such as −100.
        outputs: float tensor (batch, …).
        weights: float tensor of the first axes of the labels: one for a row is one for all of it.
            One for each value of labels that are values leaves the last axis to be of size 1.
        of_rows: whether an int label is of a whole row, whatever the axes of its outputs; a loss
            says so by an attribute of that name.
    """
    weights = tf.cast(weights, "float32")
    labels = without_ignored(labels, weights)
    rank, columns = labels.shape.rank, labels.shape[-1]
    if not isinstance(outputs, LogitsLater):
        # Metrics and what gathers rows of several replicas do not all take lower precisions.
        outputs = tf.cast(outputs, "float32")
    if outputs.shape.rank == 1:
        outputs = outputs[:, None]
    if rank == outputs.shape.rank and labels.dtype.is_integer and columns == 1 != outputs.shape[-1]:
        labels = tf.squeeze(labels, -1)
        weights = tf.squeeze(weights, -1) if weights.shape.rank == rank else weights
    elif rank == outputs.shape.rank - 1 and outputs.shape[-1] == 1:
        labels = labels[..., None]
    of_classes = labels.dtype.is_integer and labels.shape.rank < outputs.shape.rank
    expected = outputs.shape[:-1] if of_classes else outputs.shape
    if of_rows and rank == 1:
        expected = expected[:1]
    if not labels.shape.is_compatible_with(expected):
        raise ValueError(
            f"The labels, {labels.dtype.name} {tuple(labels.shape)}, do not fit the outputs "
            f"{tuple(outputs.shape)} of the model: numbers of classes are int (batch, …) for "
            "outputs (batch, …, classes), values have the shape of the outputs."
        )
    if of_classes:
        return Scored(labels, outputs, _broadcast(weights, labels))
    labels = tf.cast(labels, "float32")
    if weights.shape.rank == labels.shape.rank > 1 and weights.shape[-1] != 1:
        labels, outputs = labels[..., None], outputs[..., None]
    return Scored(labels, outputs, _broadcast(weights, labels[..., 0]))


def weighted(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns each value times its weight: 0 where that is 0, be the value finite or not."""
    return tf.where(weights == 0, 0.0, tf.cast(values, "float32") * weights)


def without_ignored(labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the labels, 0 where the weight is 0."""
    counts = with_rank(weights, labels.shape.rank) != 0
    return tf.where(counts, labels, tf.zeros((), labels.dtype))


def _broadcast(weights: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Returns one weight for each place, a tensor of the first axes of the weights or more."""
    if weights.shape.rank == places.shape.rank and 1 not in weights.shape:
        return weights
    return tf.broadcast_to(with_rank(weights, places.shape.rank), tf.shape(places))


def with_rank(weights: tf.Tensor, rank: int) -> tf.Tensor:
    """Returns weights with as many axes, those that are added being of size 1."""
    missing = rank - weights.shape.rank
    if not missing:
        return weights
    if missing < 0:  # (batch, …, 1)
        return tf.squeeze(weights, list(range(missing, 0)))
    return tf.reshape(weights, tf.concat([tf.shape(weights), [1] * missing], 0))

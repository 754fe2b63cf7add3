"""What a model is trained on and scored by: losses and metrics, as exact sums over an epoch."""

import dataclasses
import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tftransformer.training.blocks import BlockedCrossEntropy
from tftransformer.training.losses import LogitsLater
from tftransformer.training.outputs import Scored, assigned, by_name, scored, weighted


@dataclasses.dataclass(frozen=True)
class Term:
    """The loss of one output.

    Args:
        output: name of the output.
        loss: `keras.losses.Loss`, of which `call` gives one value for whatever has a weight.
        factor: float, how much it counts in the loss of the model.
    """

    output: str
    loss: keras.losses.Loss
    factor: float = 1.0


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric of one output.

    Args:
        output: name of the output.
        metric: `keras.metrics.Metric` whose variables exist; its own are never written to.
        name: what the logs call it.
    """

    output: str
    metric: keras.metrics.Metric
    name: str

    @property
    def is_mean(self) -> bool:
        """Whether it is a function of a weighted sum and the sum of the weights.

        Those are kept in float64 and add up over replicas; the state of any other metric is its
        own affair, and it is shown all rows of a batch at once.
        """
        return isinstance(self.metric, keras.metrics.Mean) and len(self.metric.variables) == 2

    def updated(self, state: list, batch: Mapping[str, Scored]) -> list:
        """Returns the state of the metric after a batch, for the one before."""
        labels, outputs, weights = self._taken(batch[self.output])
        return self.metric.stateless_update_state(state, labels, outputs, sample_weight=weights)

    def show(self, part: Scored) -> None:
        """Updates the metric itself, which makes the variables that it still lacks."""
        labels, outputs, weights = self._taken(part)
        self.metric.update_state(labels, outputs, sample_weight=weights)

    def _taken(self, part: Scored) -> Scored:
        """What the metric is given of what its output is scored by."""
        if type(self.metric).__module__.startswith("keras."):
            # Of several axes of weights they take means, which do not add up.
            part = part.flat
        return part


class Scores:
    """The losses of a model and the metrics of one kind of pass over data, and their sums.

    The loss of the model is `Σ factor · Σ weight · value / Σ weight` over its terms, whatever the
    batches were; a metric of means is exact in the same way, any other is updated with all the rows
    of a batch.

    Args:
        model: the model, which names its outputs.
        ranks: for each output how many axes its places have, None where it is not scored.
        terms: its losses.
        measures: its metrics.

    Attributes:
        used: the names of the outputs that have a loss or a metric.
        heads: the layers that losses call themselves: the model returns hidden states for them.
        told: that they do, in words; empty where none does.
        sums: float64 variable (terms + means, 2), weighted sums and sums of weights.
        state: list of the variables that hold the sums and the state of the other metrics.
    """

    def __init__(
        self,
        model: keras.Model,
        ranks: Mapping[str, int | None],
        terms: Sequence[Term],
        measures: Sequence[Measure],
    ):
        self.model, self.ranks, self.terms = model, ranks, list(terms)
        self.means = [measure for measure in measures if measure.is_mean]
        self.wholes = [measure for measure in measures if not measure.is_mean]
        losses = [term.loss for term in terms]
        blocked = [loss for loss in losses if isinstance(loss, BlockedCrossEntropy)]
        self.heads = [loss.head for loss in blocked]
        sizes = " and ".join(f"{loss.block:,}" for loss in blocked)
        self.told = f" Logits come in blocks of {sizes} tokens." if blocked else ""
        self.used = {t.output for t in terms} | {m.output for m in measures}
        # float64, so that long epochs add up.
        self.sums = _state(np.zeros((len(terms) + len(self.means), 2), "float64"))
        self._first = [measure.metric.stateless_reset_state() for measure in self.wholes]
        self._states = [[_state(value) for value in values] for values in self._first]
        self.state = [self.sums, *(variable for own in self._states for variable in own)]

    def reset(self) -> None:
        """Forgets all batches."""
        self.sums.assign(tf.zeros_like(self.sums))
        for variables, values in zip(self._states, self._first, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def match(self, labels: Any, outputs: Any, weights: Any) -> dict[str, Scored]:
        """Returns what is scored by the names of the outputs."""
        outputs = by_name(self.model, outputs)
        if self.heads:
            blocked = [term for term in self.terms if isinstance(term.loss, BlockedCrossEntropy)]
            outputs |= {term.output: term.loss.of(outputs[term.output]) for term in blocked}
        labels, weights = named(labels, weights, list(outputs), self.used)
        of_rows = {term.output for term in self.terms if getattr(term.loss, "of_rows", False)}
        return {
            name: scored(labels[name], outputs[name], weights[name], name in of_rows)
            for name in self.used
        }

    def totals(self, batches: Sequence[tuple]) -> np.ndarray:
        """Returns for each term Σ weight over the batches of an update, float32 (terms,)."""
        totals = np.zeros(len(self.terms))
        for _, labels, weights in batches:
            labels, weights = named(labels, weights, list(self.ranks), self.used)
            for index, term in enumerate(self.terms):
                own, rank = np.asarray(weights[term.output], "float64"), self.ranks[term.output]
                places = math.prod(labels[term.output].shape[:rank])
                totals[index] += own.sum() * places / max(own.size, 1)
        return totals.astype("float32")

    def losses(self, batch: Mapping[str, Scored]) -> tuple[list, list]:
        """Returns for each term Σ weight · value with its gradient, and Σ weight."""
        sums, counts = [], []
        for term in self.terms:
            part = batch[term.output]
            values = weighted(values_of(term.loss, part), part.weights)
            sums.append(tf.reduce_sum(values))
            counts.append(tf.reduce_sum(part.weights))
        return sums, counts

    def added(self, batch: Mapping[str, Scored], sums: list, counts: list) -> tf.Tensor:
        """Returns what a batch adds to `sums`, for the terms as `losses` returned them."""
        rows: list[Sequence[Any]] = list(zip(sums, counts, strict=True))
        rows += [measure.updated([tf.zeros(())] * 2, batch) for measure in self.means]
        return tf.cast(tf.convert_to_tensor(rows), "float64")

    def kept(self, batch: Mapping[str, Scored]) -> dict[str, Scored]:
        """Returns the part of a batch that `update` needs."""
        return {measure.output: batch[measure.output] for measure in self.wholes}

    def update(self, sums: tf.Tensor, batch: Mapping[str, Scored]) -> None:
        """Adds a batch: `sums` of all replicas, and the rows that `kept` told, of all of them."""
        self.sums.assign_add(sums)
        for measure, variables in zip(self.wholes, self._states, strict=True):
            values = measure.updated([variable.value() for variable in variables], batch)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def logs(self) -> dict[str, float]:
        """Returns the loss and the metrics of the batches since the last reset, by name."""
        sums = self.sums.numpy()
        losses = [_ratio(*pair) for pair in sums[: len(self.terms)]]
        logs = {"loss": float(np.dot(losses, [term.factor for term in self.terms]))}
        if len(self.terms) > 1:
            logs.update({f"{t.output}_loss": v for t, v in zip(self.terms, losses, strict=True)})
        for measure, pair in zip(self.means, sums[len(self.terms) :], strict=True):
            logs[measure.name] = _mean(measure.metric, pair)
        for measure, variables in zip(self.wholes, self._states, strict=True):
            logs.update(_flat(measure.name, _result(measure.metric, variables)))
        return dict(sorted(logs.items()))


def named(labels: Any, weights: Any, outputs: Sequence[str], used: Set[str]) -> tuple[dict, dict]:
    """Returns labels and weights by the names of the outputs that they belong to.

    Args:
        labels: the labels of a batch: one tensor, or a dict or a list of tensors.
        weights: the same; one tensor serves for all labels.
        outputs: the names of the outputs.
        used: those that have a loss or a metric, which tell what a single tensor is for.
    """
    if not isinstance(labels, Mapping | list | tuple) and len(outputs) > 1 and len(used) == 1:
        labels = dict.fromkeys(used, labels)
    labels = assigned(labels, outputs, "the labels of a batch")
    if not isinstance(weights, Mapping | list | tuple):
        weights = dict.fromkeys(labels, weights)
    return labels, assigned(weights, list(labels), "the weights of a batch")


def values_of(loss: keras.losses.Loss, part: Scored) -> tf.Tensor:
    """Returns the loss at each place, (batch, …), in the precision of the loss."""
    outputs = part.outputs
    if not isinstance(outputs, LogitsLater):
        outputs = tf.cast(outputs, loss.dtype)
    return loss.call(part.labels, outputs)


def _state(value: Any) -> tf.Variable:
    return tf.Variable(tf.convert_to_tensor(value), trainable=False)


def _ratio(total: float, weight: float) -> float:
    return float(total / weight) if weight else 0.0


def _mean(metric: keras.metrics.Mean, pair: Sequence[Any]) -> float:
    if type(metric).result is keras.metrics.Mean.result:  # in float64, and without an operation
        return _ratio(*pair)
    return float(_result(metric, pair))


def _result(metric: keras.metrics.Metric, state: Sequence[Any]) -> Any:
    """Returns the result of a metric for a state, as tensors also where it is a variable."""
    values = [
        keras.ops.cast(value, own.dtype) for value, own in zip(state, metric.variables, strict=True)
    ]
    with keras.StatelessScope(state_mapping=list(zip(metric.variables, values, strict=True))):
        return keras.tree.map_structure(tf.convert_to_tensor, metric.result())


def _flat(name: str, result: Any) -> dict[str, Any]:
    """Logs of a result: a number, a dict of numbers by their own names, or one for each class."""
    if isinstance(result, Mapping):
        return {str(key): float(value) for key, value in result.items()}
    result = np.asarray(result)
    if not result.ndim:
        return {name: float(result)}
    return {f"{name}_{index}": float(value) for index, value in enumerate(result.flat)}

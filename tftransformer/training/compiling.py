"""From what `compile` takes to the losses and metrics of each output."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import keras
import numpy as np
import tensorflow as tf

from tftransformer.training.blocks import BlockedCrossEntropy, in_blocks
from tftransformer.training.losses import LabelSmoothedCrossEntropy
from tftransformer.training.metrics import FunctionMean, Perplexity, TokenAccuracy
from tftransformer.training.outputs import Scored, assigned, by_name, scored
from tftransformer.training.scores import Measure, Scores, Term, named, values_of

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None)


class Asked(NamedTuple):
    """What a model is trained on and scored by, as `compile` takes it.

    Attributes:
        loss: a loss, a function, a name; or a dict of them by output.
        metrics: a metric or a list of them; or a dict by output. None: the accuracy of labels that
            are classes.
        loss_weights: a number for each loss, by output.
        perplexity: whether evaluation also reports the perplexity of tokens.
    """

    loss: Any
    metrics: Any
    loss_weights: Any
    perplexity: bool = False

    @classmethod
    def of(cls, objective: Any, loss: Any, metrics: Any, loss_weights: Any) -> Self:
        """Returns what was given, and for the rest what the objective of the batches says."""
        perplexity = metrics is None
        if objective is not None:
            if loss is None and loss_weights is None:
                loss_weights = objective.loss_weights
            loss = objective.losses() if loss is None else loss
            metrics = objective.metrics() if metrics is None else metrics
        if loss is None:
            loss = LabelSmoothedCrossEntropy(0.1)
        return cls(loss, metrics, loss_weights, perplexity)


class FunctionLoss(keras.losses.Loss):
    """A function of labels and outputs as a loss, one value for each place.

    Args:
        function: `function(y_true, y_pred)`.
        name: name of the loss.
    """

    def __init__(self, function: Callable, name: str):
        super().__init__(name=name)
        self.function = function

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        return self.function(y_true, y_pred)


def make_scores(
    model: keras.Model, outputs: Any, batch: tuple, asked: Asked, may_block: bool
) -> tuple[Scores, Scores]:
    """Makes what a model is trained on and scored by.

    Args:
        model: the built model.
        outputs: what it returns for the first row of `batch`.
        batch: (inputs, labels, weights).
        asked: losses and metrics.
        may_block: whether the logits of a large vocabulary may be computed in blocks, since nothing
            else reads them.

    Returns:
        `Scores` of training, and those of evaluation.
    """
    outputs = by_name(model, outputs)
    heads = getattr(model, "heads", outputs)
    trained_heads = [name for name in outputs if name in heads]
    losses = _losses(asked.loss, list(outputs), trained_heads, batch[1])
    metrics = _metrics(asked.metrics, list(outputs), list(losses))
    used = {*losses, *metrics}
    labels, weights = named(batch[1], batch[2], list(outputs), used)
    _check_names(labels, weights, losses, used, asked.loss)
    parts = {
        name: _first_row(labels[name], outputs[name], weights[name], losses.get(name))
        for name in sorted(used)
    }
    factors = _factors(asked.loss_weights, list(losses))
    terms = [
        Term(name, as_loss(loss, parts[name], name), factors.get(name, 1.0))
        for name, loss in losses.items()
    ]
    prefixes = {name: f"{name}_" if len(outputs) > 1 else "" for name in used}
    of_classes = [term for term in terms if parts[term.output].is_of_classes]
    if asked.metrics is None:
        measures = _default(TokenAccuracy, of_classes, prefixes)
    else:
        measures = _measures(metrics, parts, terms, prefixes)
    training = _with_own_names(measures)
    further = []
    if asked.perplexity:
        of_tokens = [t for t in of_classes if parts[t.output].labels.shape.rank > 1]
        by_logits = [term for term in of_tokens if takes_logits(term.loss) is not False]
        further = _default(Perplexity, by_logits, prefixes)
    testing = _with_own_names([*training, *further])
    if may_block:
        terms = [_in_blocks(t, model, batch[0], outputs, labels, parts, testing) for t in terms]
    _check_blocked(terms, testing)
    ranks = dict.fromkeys(outputs) | {n: part.weights.shape.rank for n, part in parts.items()}
    for measure in testing:
        _make_variables(measure, parts[measure.output])
    return Scores(model, ranks, terms, training), Scores(model, ranks, terms, testing)


def _first_row(labels: Any, outputs: Any, weights: Any, loss: Any) -> Scored:
    """Returns the first row of one output, by which losses and metrics are checked."""
    labels = labels[:1]
    # Only the kind of the labels matters here: labels out of range have an error of their own.
    labels = tf.zeros_like(labels) if labels.dtype.is_integer else labels
    return scored(labels, outputs, weights[:1], getattr(loss, "of_rows", False))


def _measures(
    metrics: Mapping[str, Any],
    parts: Mapping[str, Scored],
    terms: Sequence[Term],
    prefixes: Mapping[str, str],
) -> list[Measure]:
    """Returns the given metrics of each output."""
    losses = {term.output: term.loss for term in terms}
    measures = []
    for name, given in metrics.items():
        for metric in given if isinstance(given, list | tuple) else [given]:
            metric, key = as_metric(metric, parts[name], losses.get(name))
            measures.append(Measure(name, metric, prefixes[name] + key))
    return measures


def _in_blocks(
    term: Term,
    model: keras.Model,
    inputs: Any,
    outputs: Mapping[str, Any],
    labels: Mapping[str, Any],
    parts: Mapping[str, Scored],
    measures: Sequence[Measure],
) -> Term:
    """Returns a term that computes the logits in blocks, where they are many and metrics allow."""
    name = term.output
    allowed = all(_takes_blocks(measure) for measure in measures if measure.output == name)
    if not allowed or not parts[name].is_of_classes:
        return term
    row = tf.nest.map_structure(lambda part: part[:1], inputs)
    places = math.prod(labels[name].shape)
    loss = in_blocks(term.loss, model, row, name, outputs[name], places)
    return dataclasses.replace(term, loss=loss)


def as_loss(given: Any, part: Scored, output: str) -> keras.losses.Loss:
    """Returns what is given as a `keras.losses.Loss` that fits an output.

    Raises:
        TypeError: it is no loss.
        ValueError: it gives no value for each place, or is made for other outputs.
    """
    if isinstance(given, str) and given.lower() in ("crossentropy", "ce"):
        given = f"{_kind(part)}_crossentropy"
    try:
        loss = keras.losses.get(given)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "loss must be a keras.losses.Loss, such as LabelSmoothedCrossEntropy(0.1), a function, "
            f"or the name of one of Keras's, not {given!r}."
        ) from error
    if not isinstance(loss, keras.losses.Loss):
        name = given if isinstance(given, str) else getattr(given, "__name__", "loss")
        loss = FunctionLoss(loss, name)
    if loss.reduction not in _MEANS:
        raise ValueError(
            f"The loss {loss.name!r} has reduction={loss.reduction!r}; the Trainer takes the mean "
            "over all weights of an epoch: leave out reduction, and use loss_weights for a factor."
        )
    _check_loss(loss, part, output)
    return loss


def _check_loss(loss: keras.losses.Loss, part: Scored, output: str) -> None:
    where = f" of output {output!r}" if output else ""
    if takes_logits(loss) is False and not _are_probabilities(part.outputs):
        raise ValueError(
            f"The loss {loss.name!r}{where} is for probabilities, but the outputs are not between "
            "0 and 1: for logits give keras.losses.…Crossentropy(from_logits=True), or "
            "LabelSmoothedCrossEntropy(0.0)."
        )
    said = (
        f"The labels are of shape {tuple(part.labels.shape)}, the outputs of shape "
        f"{tuple(part.outputs.shape)}."
    )
    try:
        values = values_of(loss, part)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"The loss {loss.name!r}{where} does not take labels and outputs. {said}"
        ) from error
    shape, places = tuple(values.shape), tuple(part.weights.shape)
    if shape != places:
        raise ValueError(
            f"The loss {loss.name!r}{where} gives values of shape {shape} for one row with weights "
            f"of shape {places}: it must give one for each place, and leave the mean to the "
            f"Trainer. {said}"
        )
    if part.labels.shape[-1] == 1 and len(places) > 1 and not part.is_of_classes:
        _check_elementwise(loss, part, where)


def _check_elementwise(loss: keras.losses.Loss, part: Scored, where: str) -> None:
    """Raises a ValueError where a loss would look at several values of a place together."""
    whole = Scored(part.labels[..., 0], part.outputs[..., 0], part.weights[..., 0])
    together, alone = values_of(loss, whole), values_of(loss, part)
    if not np.allclose(together, tf.reduce_mean(alone, -1), rtol=1e-3, atol=1e-5):
        raise ValueError(
            f"The loss {loss.name!r}{where} looks at all values of the last axis together, so they "
            f"cannot have weights of their own: give weights without the last axis."
        )


def takes_logits(loss: keras.losses.Loss) -> bool | None:
    """Whether a cross-entropy takes logits, or probabilities; None for any other loss."""
    if isinstance(loss, LabelSmoothedCrossEntropy):
        return True
    if isinstance(loss, FunctionLoss):
        of_keras = getattr(loss.function, "__module__", "").startswith("keras.")
        return False if of_keras and "crossentropy" in loss.function.__name__ else None
    if type(loss).__module__.startswith("keras."):
        return loss.get_config().get("from_logits")
    return None


def _are_probabilities(outputs: Any) -> bool:
    return bool(tf.reduce_all((outputs >= 0) & (outputs <= 1)))


def as_metric(
    given: Any, part: Scored, loss: keras.losses.Loss | None
) -> tuple[keras.metrics.Metric, str]:
    """Returns what is given as a `keras.metrics.Metric`, and its name in the logs."""
    name: Any = given if isinstance(given, str) else getattr(given, "name", None)
    if isinstance(given, str) and given.lower() in ("accuracy", "acc"):
        return _accuracy(part, loss), given
    if isinstance(given, str) and given.lower() in ("crossentropy", "ce"):
        given = f"{_kind(part)}_crossentropy"
    try:
        metric = keras.metrics.get(given)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "metrics must hold keras.metrics.Metric objects, functions, or names of Keras's, such "
            f"as ['accuracy']; they hold {given!r}."
        ) from error
    if isinstance(metric, keras.metrics.Metric):
        return metric, name or metric.name
    name = name or getattr(metric, "__name__", "metric")
    return FunctionMean(metric, name), name


def _accuracy(part: Scored, loss: keras.losses.Loss | None) -> keras.metrics.Metric:
    kind = _kind(part)
    if kind == "sparse_categorical":
        return TokenAccuracy()
    if kind == "binary":
        logits = loss is not None and takes_logits(loss)
        return keras.metrics.BinaryAccuracy("accuracy", threshold=0.0 if logits else 0.5)
    return keras.metrics.CategoricalAccuracy("accuracy")


def _kind(part: Scored) -> str:
    """Which of Keras's three cross-entropies labels and outputs are for."""
    if part.outputs.shape[-1] == 1:
        return "binary"
    return "sparse_categorical" if part.is_of_classes else "categorical"


def _default(
    make: Callable[[], keras.metrics.Metric], terms: Sequence[Term], prefixes: Mapping[str, str]
) -> list[Measure]:
    """Returns a metric of its own for each output."""
    metrics = ((term.output, make()) for term in terms)
    return [Measure(name, metric, prefixes[name] + metric.name) for name, metric in metrics]


def _losses(given: Any, names: Sequence[str], heads: Sequence[str], labels: Any) -> dict[str, Any]:
    """Returns losses by the names of the outputs.

    One for all is one for each output that has labels; of labels without names, for the only head.
    """
    if not isinstance(given, Mapping | list | tuple):
        if isinstance(labels, Mapping):
            given = dict.fromkeys(assigned(labels, names, "the labels of a batch"), given)
        else:
            names = heads
    return _without_none(assigned(given, names, "loss"))


def _metrics(given: Any, names: Sequence[str], losses: Sequence[str]) -> dict[str, Any]:
    """Returns metrics by the names of the outputs; a list is for the only one that has a loss."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) and len(losses) == 1:
        given = {losses[0]: given}
    return _without_none(assigned(given, names, "metrics"))


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _check_blocked(terms: Sequence[Term], measures: Sequence[Measure]) -> None:
    """Raises a ValueError where a metric would need logits that never stand in memory."""
    blocked = {term.output for term in terms if isinstance(term.loss, BlockedCrossEntropy)}
    for measure in measures:
        if measure.output in blocked and not _takes_blocks(measure):
            raise ValueError(
                f"The metric {measure.name!r} needs all logits, which BlockedCrossEntropy does not "
                "make: give TokenAccuracy() or Perplexity(), or another loss."
            )


def _takes_blocks(measure: Measure) -> bool:
    return isinstance(measure.metric, TokenAccuracy | Perplexity)


def _check_names(labels: tf.Tensor, weights: Any, losses: Any, used: Any, loss: Any) -> None:
    """Raises a ValueError where an output lacks labels or weights, or labels lack a loss."""
    for name in sorted(used):
        for what, given in (("labels", labels), ("weights", weights)):
            if name not in given:
                raise ValueError(
                    f"The output {name!r} has a loss or a metric, but the batches have no {what} "
                    f"of that name; they have {', '.join(map(repr, given))}."
                )
    told = loss if isinstance(loss, Mapping) else losses
    unread = [name for name in labels if name not in {*used, *told}]
    if unread:
        raise ValueError(
            f"The labels {', '.join(map(repr, unread))} have neither a loss nor a metric: give "
            f"one, or say that they are not for training: loss={{…, {unread[0]!r}: None}}."
        )
    if not losses:
        raise ValueError("No output has a loss: there is nothing to train on.")


def _factors(given: Any, names: Sequence[str]) -> dict[str, float]:
    factors = {} if given is None else assigned(given, names, "loss_weights")
    for name, factor in factors.items():
        if not isinstance(factor, int | float | np.floating):
            raise TypeError(f"loss_weights must be numbers; {name!r} has {factor!r}.")
    return {name: float(factor) for name, factor in factors.items()}


def _with_own_names(measures: list[Measure]) -> list[Measure]:
    """Numbers the names that came before."""
    seen: dict[str, int] = {}
    renamed = []
    for measure in measures:
        count = seen[measure.name] = seen.get(measure.name, -1) + 1
        name = f"{measure.name}_{count}" if count else measure.name
        renamed.append(Measure(measure.output, measure.metric, name))
    return renamed


def _make_variables(measure: Measure, part: Scored) -> None:
    """Has a metric make the variables that it makes when it is first used; others stay as given."""
    if measure.is_mean:  # these have theirs, and may take logits in blocks, of which there are none
        return
    metric = measure.metric
    given = [(variable, variable.numpy()) for variable in metric.variables]
    measure.show(part)
    metric.reset_state()
    for variable, value in given:
        variable.assign(value)

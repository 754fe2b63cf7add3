"""Cross-entropy of token predictions."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import best_index, log_probabilities, register
from tftransformer.core.gradients import custom_gradient


class LogitsLater:
    """Stands in for logits that are too many for memory: losses call its methods instead."""

    def cross_entropy(self, labels: Any, smoothing: float) -> Any:
        """Returns what `label_smoothed_cross_entropy` returns of the logits."""
        raise NotImplementedError

    def best(self, labels: Any) -> Any:
        """Returns the class of the highest logit, int32, of the shape of the labels."""
        raise NotImplementedError


def label_smoothed_cross_entropy(labels: Any, logits: Any, smoothing: float = 0.1) -> Any:
    """Cross-entropy of each token against its smoothed label (Szegedy et al. 2016, §7).

    With `q = (1 − smoothing) · one_hot(label) + smoothing / classes` this is
    `−Σ q · log softmax(logits) = logsumexp − (1 − smoothing) · logit[label] − smoothing · mean`.
    No one-hot is made: one softmax of the logits serves value and gradient.

    Args:
        labels: int tensor (...,).
        logits: float tensor (..., classes); lower precisions are computed in float32. The number of
            classes may be unknown, as where the positions of a text are the classes.
        smoothing: float in [0, 1), probability mass spread over all classes. 0 gives the plain
            negative log-likelihood.

    Returns:
        float32 tensor (...,).
    """
    if isinstance(logits, LogitsLater):
        return logits.cross_entropy(labels, smoothing)
    rows = ops.reshape(ops.cast(labels, "int32"), (-1,))
    return ops.reshape(_smoothed(rows, in_rows(logits), smoothing), ops.shape(labels))


def in_rows(logits: Any) -> Any:
    """Returns logits (..., classes) as float32 (rows, classes).

    They are cast first, as those of a loss are: loss and accuracy then share one softmax in a
        graph.
    """
    return ops.reshape(ops.cast(logits, "float32"), (-1, ops.shape(logits)[-1]))


def _smoothed(labels: Any, logits: Any, smoothing: float) -> Any:
    """Losses (rows,) of labels (rows,) and float32 logits (rows, classes)."""
    classes = ops.shape(logits)[-1]
    classes = classes if isinstance(classes, int) else ops.cast(classes, "float32")

    @custom_gradient
    def losses_of(logits: Any) -> Any:
        probabilities = ops.softmax(logits, axis=-1)
        # The accuracy needs the best class as well, and the graph computes it once.
        best = best_index(probabilities)[:, None]
        label_logits = ops.take_along_axis(logits, labels[:, None], axis=-1)
        largest, probability = (
            ops.take_along_axis(x, best, axis=-1) for x in (logits, probabilities)
        )
        losses = -log_probabilities(label_logits, largest, probability)
        if smoothing:
            losses = losses + smoothing * _above_mean(label_logits, logits, largest)

        def gradient(upstream: Any) -> Any:
            # softmax − q: the label and the smoothing are rank-one terms.
            scale = upstream[:, None]
            slope = probabilities * scale
            if smoothing:
                slope = slope - scale * (smoothing / classes)
            places = ops.stack([ops.arange(ops.shape(labels)[0], dtype="int32"), labels], axis=1)
            return ops.scatter_update(slope, places, (smoothing - 1.0) * upstream, reduction="add")

        return losses[:, 0], gradient

    return losses_of(logits)


def _above_mean(chosen: Any, logits: Any, largest: Any) -> Any:
    """How far logits (rows, 1) lie above the mean of their rows.

    Of large logits the mean would lose the digits that count, so differences are taken first; they
    are as many as the logits, and take up to a tenth of a training step, so not without need.
    """
    return ops.cond(
        ops.max(ops.abs(largest)) < 100.0,
        lambda: chosen - ops.mean(logits, axis=-1, keepdims=True),
        lambda: ops.mean(chosen - logits, axis=-1, keepdims=True),
    )


def symmetric_divergence(logits: Any, others: Any) -> Any:
    """Mean of both Kullback-Leibler divergences of predictions, `½ Σ (p − q) · log (p / q)`.

    Args:
        logits: float tensor (..., classes), of which p is the softmax.
        others: the same for q.

    Returns:
        float32 tensor (...,).
    """
    log_p, log_q = (ops.log_softmax(ops.cast(x, "float32"), axis=-1) for x in (logits, others))
    return 0.5 * ops.sum((ops.exp(log_p) - ops.exp(log_q)) * (log_p - log_q), axis=-1)


@register
class LabelSmoothedCrossEntropy(keras.losses.Loss):
    """Label-smoothed cross-entropy of integer labels and logits.

    With sample weights the loss is the weighted sum divided by the sum of the weights: padding with
    weight 0 is ignored. See `label_smoothed_cross_entropy` for the formula.

    Args:
        smoothing: float in [0, 1), probability mass spread over all classes.
        name: optional string.

    Call arguments:
        y_true: int tensor (batch, length).
        y_pred: float tensor (batch, length, classes), logits of any precision.
        sample_weight: optional float tensor (batch, length).

    Example:

    >>> loss = LabelSmoothedCrossEntropy(smoothing=0.1)
    >>> model = tt.Transformer(1, 16, num_heads=2, dff=32, vocab_size=100)
    >>> model.compile("adam", loss=loss, weighted_metrics=[tt.TokenAccuracy()])
    """

    def __init__(self, smoothing: float = 0.1, name: str = "label_smoothed_cross_entropy"):
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must lie in [0, 1), got {smoothing!r}.")
        self.smoothing = float(smoothing)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return label_smoothed_cross_entropy(y_true, y_pred, self.smoothing)

    def get_config(self) -> dict[str, Any]:
        return {"smoothing": self.smoothing, "name": self.name}


def in_groups(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Parts of the last axis, as wide as `sizes` say."""
    ends = list(itertools.accumulate(sizes))
    return [values[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]


@register
class GroupedCrossEntropy(keras.losses.Loss):
    """Sum of the cross-entropies of several softmaxes over parts of the last axis.

    A group whose labels are all 0 is ignored.

    Args:
        sizes: how many classes each group has.
        name: optional string.

    Call arguments:
        y_true: float tensor (..., classes of all groups), 1 for one label of each group.
        y_pred: float tensor (..., classes of all groups), logits of any precision.
        sample_weight: optional float tensor (...,).

    Example:

    >>> loss = GroupedCrossEntropy([2, 3])
    >>> float(loss(np.array([[1.0, 0, 0, 1, 0]]), np.zeros((1, 5))))  # log 2 + log 3
    1.79...
    """

    def __init__(self, sizes: Sequence[int], name: str = "grouped_cross_entropy"):
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")
        self.sizes = tuple(sizes)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = (ops.cast(x, "float32") for x in (y_true, y_pred))
        found = [ops.log_softmax(logits, axis=-1) for logits in in_groups(y_pred, self.sizes)]
        return -ops.sum(y_true * ops.concatenate(found, axis=-1), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {"sizes": self.sizes, "name": self.name}

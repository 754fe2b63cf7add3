"""Metrics over tokens: sums of weighted values over sums of weights, never means of means."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import best_index, register
from tftransformer.training.losses import (
    LogitsLater,
    in_groups,
    in_rows,
    label_smoothed_cross_entropy,
)


def correct_predictions(labels: Any, logits: Any) -> Any:
    """1.0 where the highest logit is the label's (the first one among equals), else 0.0.

    Args:
        labels: int tensor (...,).
        logits: float tensor (..., classes).

    Returns:
        float32 tensor (...,).
    """
    # Of the probabilities, which the loss computes anyway: in training with bfloat16 products the
    # logits are bfloat16, of which a maximum takes four times as long.
    if isinstance(logits, LogitsLater):
        best = logits.best(labels)
    else:
        best = best_index(ops.softmax(in_rows(logits), axis=-1))
    labels = ops.cast(labels, "int32")
    return ops.cast(ops.equal(ops.reshape(best, ops.shape(labels)), labels), "float32")


class TokenMean(keras.metrics.Mean):
    """Weighted mean over all tokens since the last reset, however they were batched."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = ops.cast(self._values(y_true, y_pred), self.dtype)
        weights = ops.ones((), self.dtype) if sample_weight is None else sample_weight
        weights = ops.cast(weights, self.dtype)
        if ops.ndim(weights):  # one weight for a row is one for each of its tokens
            missing = ops.ndim(values) - ops.ndim(weights)
            weights = ops.expand_dims(weights, tuple(range(-missing, 0)))
        weights = ops.broadcast_to(weights, ops.shape(values))
        # `where`, so that a value which is not finite cannot come through a weight of 0.
        weighted = ops.where(weights == 0, 0.0, values * weights)
        self.total.assign_add(ops.sum(weighted))
        self.count.assign_add(ops.sum(weights))

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError


@register
class TokenAccuracy(TokenMean):
    """Share of the tokens whose highest logit is that of the label, weighted by `sample_weight`.

    Pass it to `compile(weighted_metrics=[...])`, so that padding does not count.

    Args:
        name: string, the key in logs and history.
        dtype: dtype of the sums.

    Call arguments:
        y_true: int tensor (batch, length).
        y_pred: float tensor (batch, length, classes).
        sample_weight: optional float tensor (batch, length) or (batch,).
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return correct_predictions(y_true, y_pred)


@register
class Perplexity(TokenMean):
    """`exp` of the mean negative log-likelihood of the labels, without label smoothing.

    Pass it to `compile(weighted_metrics=[...])`, so that padding does not count.

    Args:
        name: string, the key in logs and history.
        dtype: dtype of the sums.

    Call arguments:
        y_true: int tensor (batch, length).
        y_pred: float tensor (batch, length, classes), logits.
        sample_weight: optional float tensor (batch, length) or (batch,).
    """

    def __init__(self, name: str = "perplexity", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return label_smoothed_cross_entropy(y_true, y_pred, smoothing=0.0)

    def result(self) -> Any:
        return ops.exp(super().result())


@register
class GroupedAccuracy(TokenMean):
    """Share of the positions where the highest logit of each group of classes is that of the label.

    Args:
        sizes: how many classes each group has.
        name: string, the key in logs and history.
        dtype: dtype of the sums.

    Call arguments:
        y_true: float tensor (..., classes of all groups), 1 for one label of each group; a group
            whose labels are all 0 counts as right.
        y_pred: float tensor (..., classes of all groups), logits.
        sample_weight: optional float tensor (...,).
    """

    def __init__(self, sizes: Sequence[int], name: str = "accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.sizes = tuple(sizes)

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        right: Any = 1.0
        groups = (in_groups(values, self.sizes) for values in (y_true, y_pred))
        for labels, logits in zip(*groups, strict=True):
            there = ops.max(labels, axis=-1) > 0
            hit = ops.equal(ops.argmax(labels, axis=-1), ops.argmax(logits, axis=-1))
            right = right * ops.cast(hit | ~there, self.dtype)
        return right

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sizes": self.sizes}


class FunctionMean(TokenMean):
    """Weighted mean of a function of labels and outputs.

    Args:
        function: `function(y_true, y_pred)`, which returns one value for each position.
        name: string, the key in logs and history.
        dtype: dtype of the sums.
    """

    def __init__(self, function: Callable, name: str, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.function = function

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)

"""Losses and metrics of choosing among candidates: those of a row, or those of a batch."""

from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.training.metrics import TokenMean

HIDDEN = -1e9  # finite, so that a row without candidates has finite gradients


def chosen_losses(scores: Any, allowed: Any, is_right: Any) -> Any:
    """`-log softmax` of the right candidate among those that are allowed.

    Args:
        scores: float tensor (rows, candidates).
        allowed: bool tensor (rows, candidates).
        is_right: bool tensor (rows, candidates), one in each row, or none, whose loss is 0.

    Returns:
        float32 tensor (rows,).
    """
    scores = ops.where(allowed, ops.cast(scores, "float32"), HIDDEN)
    found = ops.where(is_right, ops.log_softmax(scores, axis=-1), 0.0)
    return -ops.sum(found, axis=-1)


def chosen_rightly(scores: Any, allowed: Any, is_right: Any) -> Any:
    """1.0 where the highest score of what is allowed is the right one's, else 0.0: (rows,)."""
    scores = ops.where(allowed, ops.cast(scores, "float32"), HIDDEN)
    best = ops.argmax(scores, axis=-1)
    return ops.cast(ops.equal(best, ops.argmax(ops.cast(is_right, "int32"), axis=-1)), "float32")


def of_choices(labels: Any, scores: Any) -> tuple[Any, Any, Any]:
    """What the functions above take.

    Args:
        labels: int tensor (rows, choices): 1 the right choice, 0 another, -1 none.
        scores: float tensor (rows, choices).
    """
    labels = ops.cast(labels, "int32")
    return scores, labels >= 0, labels == 1


def of_batch(groups: Any, vectors: Any, temperature: float) -> tuple[Any, Any, Any]:
    """What the functions above take, where the candidates of a row are those of all rows.

    Args:
        groups: int tensor (rows,): rows of the same group are right for each other, so that only
            a row's own positive is its candidate; 0 for a row of fill.
        vectors: float tensor (rows, 2 or 3, d): what is compared, its positive, its negative.
        temperature: cosines are divided by it.
    """
    vectors = ops.cast(vectors, "float32")
    square = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    vectors = vectors * ops.rsqrt(ops.maximum(square, 1e-24))
    rows, several = ops.shape(vectors)[0], vectors.shape[1]
    groups = ops.reshape(ops.cast(groups, "int32"), (-1,))
    own = ops.cast(ops.eye(rows), "bool")
    real = groups[None] > 0
    others = ops.logical_and(real, groups[:, None] != groups[None])
    allowed = [ops.logical_or(own, others)]
    is_right = [own]
    for _ in range(several - 2):
        allowed.append(ops.broadcast_to(real, (rows, rows)))
        is_right.append(ops.zeros_like(own))
    candidates = ops.concatenate([vectors[:, i] for i in range(1, several)], axis=0)
    scores = ops.matmul(vectors[:, 0], ops.transpose(candidates)) / temperature
    return scores, ops.concatenate(allowed, axis=1), ops.concatenate(is_right, axis=1)


@register
class ChoiceCrossEntropy(keras.losses.Loss):
    """Cross-entropy over the choices of a row; labels are those of `of_choices`."""

    def __init__(self, name: str = "choice_cross_entropy"):
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return chosen_losses(*of_choices(y_true, y_pred))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@register
class ChoiceAccuracy(TokenMean):
    """Part of the rows whose best choice is the right one; labels are those of `of_choices`."""

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return chosen_rightly(*of_choices(y_true, y_pred))


@register
class ContrastiveLoss(keras.losses.Loss):
    """Each row's own positive among those of all rows of the batch (Henderson et al. 2017, §4.2).

    With a negative in each row these are candidates, too. Cosines are divided by a temperature
    (van den Oord et al. 2018; Chen et al. 2020). See `of_batch`.

    Args:
        temperature: the lower, the more the hardest candidates count.
        name: optional string.
    """

    of_rows = True  # see `scored`

    def __init__(self, temperature: float = 0.05, name: str = "contrastive_loss"):
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return chosen_losses(*of_batch(y_true, y_pred, self.temperature))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "temperature": self.temperature}


@register
class ContrastiveAccuracy(TokenMean):
    """Part of the rows that find their own positive among those of the batch."""

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return chosen_rightly(*of_batch(y_true, y_pred, 1.0))

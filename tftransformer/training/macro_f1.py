"""MacroF1."""

from typing import Any

import keras
from keras import ops

from tftransformer.core import register


@register
class MacroF1(keras.metrics.Metric):
    """Mean over classes of `2 · correct / (labelled + predicted)`, weighted by `sample_weight`.

    It counts over all rows since the last reset, however they were batched. A class that is neither
    labelled nor predicted is ignored, as in scikit-learn.

    Args:
        classes: their number.
        several: whether rows may have any number of labels: labels are multi-hot, and a class is
            predicted if its logit is above 0. Otherwise labels are ids, and the class with the
            highest logit is predicted.
        name: string, the key in logs and history.
        dtype: dtype of the sums.

    Call arguments:
        y_true: int tensor (...,), or multi-hot (..., classes).
        y_pred: float tensor (..., classes), logits.
        sample_weight: optional float tensor (...,).
    """

    def __init__(
        self, classes: int, several: bool = False, name: str = "macro_f1", dtype: Any = None
    ):
        super().__init__(name=name, dtype=dtype)
        self.classes, self.several = classes, several
        # Of each class: labelled and predicted, labelled, predicted.
        self.sums = self.add_variable((3, classes), "zeros", dtype=self.dtype, name="sums")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = ops.convert_to_tensor(y_pred)
        if self.several:
            labels, predictions = y_true, y_pred > 0
        else:
            labels = ops.one_hot(ops.cast(y_true, "int32"), self.classes)
            predictions = ops.one_hot(ops.argmax(y_pred, axis=-1), self.classes)
        labels, predictions = (ops.cast(x, self.dtype) for x in (labels, predictions))
        weights = 1.0 if sample_weight is None else ops.cast(sample_weight, self.dtype)[..., None]
        counted = [x * weights for x in (labels * predictions, labels, predictions)]
        sums = [ops.sum(ops.reshape(x, (-1, self.classes)), axis=0) for x in counted]
        self.sums.assign_add(ops.stack(sums))

    def result(self) -> Any:
        correct, labelled, predicted = ops.unstack(self.sums, 3)
        together = labelled + predicted
        scores = ops.divide_no_nan(2.0 * correct, together)
        counted = ops.sum(ops.cast(together > 0, self.dtype))
        return ops.divide_no_nan(ops.sum(scores), counted)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "several": self.several}

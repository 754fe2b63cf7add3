"""ClassificationGraph."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.tasks.row_graph import RowGraph

# What makes scores of logits, float32 (rows, classes), under the names that Hugging Face has.
ACTIVATIONS = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid, "none": tf.identity}
OF_KIND = {"single": "softmax", "several": "sigmoid", "numbers": "none"}


class ClassificationGraph(RowGraph):
    """From one text or two to labels and scores.

    `serving_default` gives `labels`, string (batch,), `scores`, float32 (batch,), and `cut`, bool
    (batch,): which texts were too long and were truncated. `top_k` gives the first two as (batch,
    classes), best first; of several labels at once, both signatures give that, and `chosen`, bool
    (batch, classes): which labels are likely enough to be answered.

    Args:
        labels: what the logits stand for; none of numbers.
        kind: "single" (softmax), "several" (sigmoid) or "numbers" (as they are).
        thresholds: float (classes,), the scores from which on several labels are answered.
        **row: see `RowGraph`.
    """

    def __init__(self, *, labels: Sequence[str], kind: str, thresholds: Any = None, **row: Any):
        super().__init__(**row)
        self.labels, self.kind, self.thresholds = list(labels), kind, thresholds
        self.signatures = ("serving_default",) + ("top_k",) * (kind != "numbers")

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        if self.kind == "numbers":
            return {"serving_default": {"scores": found, **known}}
        found = ACTIVATIONS[OF_KIND[self.kind]](found)
        scores, order = tf.math.top_k(found, len(self.labels))
        every = {"labels": tf.gather(tf.constant(self.labels), order), "scores": scores}
        if self.kind == "several":
            every["chosen"] = scores >= tf.gather(tf.constant(self.thresholds), order)
            best = every
        else:
            best = {name: value[:, 0] for name, value in every.items()}
        return {"serving_default": {**best, **known}, "top_k": every}

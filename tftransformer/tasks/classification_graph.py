"""ClassificationGraph."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.serving import TaskGraph
from tftransformer.text import truncate_in_graph


class ClassificationGraph(TaskGraph):
    """From one text or two to labels and scores.

    `serving_default` gives `labels`, string (batch,), `scores`, float32 (batch,), and `cut`, bool
    (batch,): which texts were too long and lost their ends. `top_k` gives the first two as (batch,
    classes), best first; of several labels at once, both signatures give that.

    Args:
        model: what classifies; asked here which inputs it takes.
        tokenizer: of the texts.
        template: how they become one row.
        texts: names of the texts, one or two.
        labels: what the logits stand for; none of numbers.
        kind: "single" (softmax), "several" (sigmoid) or "numbers" (as they are).
        output: name of the model's output, or None.
        max_length: most tokens of a row, special ones included.
    """

    def __init__(
        self,
        *,
        tokenizer: Any,
        template: Any,
        texts: Sequence[str],
        labels: Sequence[str],
        kind: str,
        output: str | None,
        max_length: int,
    ):
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length
        self.labels, self.kind, self.output = list(labels), kind, output
        self.inputs = tuple(texts)
        self.signatures = ("serving_default",) + ("top_k",) * (kind != "numbers")
        self.tracked = [tokenizer]
        self.room = max_length - template.num_special(len(self.inputs) > 1)
        if self.room < 1:
            raise ValueError(f"max_length={max_length} leaves no room beside the special tokens.")
        short = Ragged.from_rows([[tokenizer.special_ids["pad"]]])
        second = short if len(self.inputs) > 1 else None
        self.has_segments = template(short, second, tokenizer.special_ids)[1].values.any()
        self.fills = {
            "token_ids": tokenizer.special_ids["pad"],
            "segment_ids": 0,
            "padding_mask": 0,
        }

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        ids = [self.tokenizer.tokenize(tf.convert_to_tensor(text, tf.string)) for text in texts]
        first, second, cut = truncate_in_graph(ids[0], (*ids, None)[1], self.room)
        ids, segments = self.template.in_graph(first, second, self.tokenizer.special_ids)
        rows = {
            "token_ids": ids.to_tensor(self.fills["token_ids"]),
            "segment_ids": segments.to_tensor(0),
            "padding_mask": tf.ones_like(ids).to_tensor(0),
        }
        return {name: tf.cast(x, tf.int32) for name, x in rows.items()}, {"cut": cut > 0}

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> tf.Tensor:
        """Returns probabilities, or numbers: float32 (rows, classes)."""
        inputs = dict(rows, padding_mask=tf.cast(rows["padding_mask"], tf.bool))
        if not self.has_segments:
            del inputs["segment_ids"]
        logits = model(inputs, training=False)
        logits = keras.ops.cast(logits if self.output is None else logits[self.output], "float32")
        act = {"single": tf.nn.softmax, "several": tf.nn.sigmoid, "numbers": tf.identity}
        return act[self.kind](logits)

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        if self.kind == "numbers":
            return {"serving_default": {"scores": found, **known}}
        scores, order = tf.math.top_k(found, len(self.labels))
        every = {"labels": tf.gather(tf.constant(self.labels), order), "scores": scores}
        best = every
        if self.kind == "single":
            best = {name: value[:, 0] for name, value in every.items()}
        return {"serving_default": {**best, **known}, "top_k": every}

"""ChoiceGraph."""

from typing import Any

import tensorflow as tf

from tftransformer.tasks.row_graph import RowGraph
from tftransformer.text import truncate_in_graph


class ChoiceGraph(RowGraph):
    """From a context, a question and choices to the choice that fits.

    `serving_default` takes `contexts` and `questions`, string (batch,), and `choices`, string
    (batch, choices), empty where a row has fewer. It gives `choices`, string (batch,), `indices`,
    int32 (batch,), `scores`, float32 (batch, choices), and `cut`, bool (batch,): which contexts
    were truncated. Of each choice, beside the context, the model says a number.

    Args:
        **row: see `RowGraph`.
    """

    ranks = {"choices": 2}  # as of `TaskGraph`

    def __init__(self, **row: Any):
        super().__init__(texts=["contexts", "seconds"], **row)
        self.inputs = ("contexts", "questions", "choices")

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        contexts, questions, choices = (tf.convert_to_tensor(text, tf.string) for text in texts)
        # Of no rows the best choice has to be one of a number, too.
        lacking = tf.cast(tf.shape(choices)[1] == 0, tf.int32)
        choices = tf.concat([choices, tf.fill([tf.shape(choices)[0], lacking], "")], axis=1)
        first, second = self.pairs(contexts, questions, choices)
        how: Any = {"only_first": True, "cut_side": self.template.cut_side}
        first, second, cut = truncate_in_graph(first, second, self.room, **how)
        cut = tf.reduce_any(tf.reshape(cut > 0, tf.shape(choices)), axis=1)
        return self.rows(first, second), {"cut": cut, "choices": choices}

    def pairs(self, contexts: Any, questions: Any, choices: Any) -> list[tf.RaggedTensor]:
        """The ids of the two texts of each choice, whole: the question stands before the choice."""
        number = tf.shape(choices)[1]
        questions, choices = tf.repeat(questions, number), tf.reshape(choices, [-1])
        seconds = tf.where(questions == "", choices, tf.strings.join([questions, " ", choices]))
        return self.ids(tf.repeat(contexts, number), seconds)

    def lengths(self, *texts: tf.Tensor) -> tf.Tensor:
        lengths = sum(ids.row_lengths() for ids in self.pairs(*texts))
        longest = tf.reduce_max(tf.reshape(lengths, tf.shape(texts[2])), axis=1)
        return longest + self.max_length - self.room

    def by_text(self, found: tf.Tensor, known: Any) -> tf.Tensor:
        """What the softmax makes of the logits: float32 (batch, choices), 0 where there is none."""
        choices = known["choices"]
        logits = tf.where(choices == "", -1e9, tf.reshape(found, tf.shape(choices)))
        return tf.where(choices == "", 0.0, tf.nn.softmax(logits))

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        scores = self.by_text(found, known)
        best = tf.argmax(scores, axis=1, output_type=tf.int32)
        served = {
            "choices": tf.gather(known["choices"], best, batch_dims=1),
            "indices": best,
            "scores": scores,
            "cut": known["cut"],
        }
        return {"serving_default": served}

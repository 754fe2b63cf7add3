"""EmbeddingGraph."""

from typing import Any

import tensorflow as tf

from tftransformer.tasks.row_graph import RowGraph


class EmbeddingGraph(RowGraph):
    """From texts to vectors.

    `serving_default` gives `embeddings`, float32 (batch, d), and `cut`, bool (batch,): which texts
    were too long and lost their ends.

    Args:
        output: name of the model's output.
        **row: see `RowGraph`.
    """

    def __init__(self, *, output: str | None, **row: Any):
        super().__init__(texts=["texts"], **row)
        self.output = output

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> tf.Tensor:
        """Returns vectors: float32 (rows, d)."""
        found = model(self.model_inputs(rows), training=False)
        return tf.cast(found if self.output is None else found[self.output], tf.float32)

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        return {"serving_default": {"embeddings": found, **known}}

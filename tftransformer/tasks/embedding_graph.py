"""EmbeddingGraph."""

from typing import Any

import tensorflow as tf

from tftransformer.tasks.row_graph import RowGraph


class EmbeddingGraph(RowGraph):
    """From texts to vectors.

    `serving_default` gives `embeddings`, float32 (batch, d), and `cut`, bool (batch,): which texts
    were too long and were truncated.

    Args:
        **row: see `RowGraph`.
    """

    def __init__(self, **row: Any):
        super().__init__(texts=["texts"], **row)

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        return {"serving_default": {"embeddings": found, **known}}

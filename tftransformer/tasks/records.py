"""Several things found in each text: ragged rows in a graph, dicts outside of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def best_first(score: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """The order of texts, and in each of scores, the highest first; of equal ones the earlier.

    Args:
        score: float tensor (things,).
        row: int64 tensor (things,), the text of each.

    Returns:
        int32 tensor (things,), which thing comes at each place.
    """
    order = tf.argsort(score, direction="DESCENDING", stable=True)
    return tf.gather(order, tf.argsort(tf.gather(row, order), stable=True))


def by_row(
    found: Mapping[str, tf.Tensor], row: tf.Tensor, rows: tf.Tensor
) -> dict[str, tf.RaggedTensor]:
    """Values of things (things,) as ragged tensors (texts, None).

    Args:
        found: the values, by name.
        row: int64 tensor (things,), the text of each, in their order.
        rows: how many texts there are.
    """
    return {
        name: tf.RaggedTensor.from_value_rowids(value, row, rows, validate=False)
        for name, value in found.items()
    }


def as_records(columns: Mapping[str, Any], counts: Sequence[int]) -> list[list[dict[str, Any]]]:
    """Padded arrays (texts, things), by name, as dicts of plain values: `counts` for each text."""
    plain = [
        [[x.decode() if isinstance(x, bytes) else x for x in row] for row in column.tolist()]
        for column in columns.values()
    ]
    return [
        [
            dict(zip(columns, each, strict=True))
            for each in zip(*(column[:count] for column in own), strict=True)
        ]
        for count, *own in zip(counts, *plain, strict=True)
    ]

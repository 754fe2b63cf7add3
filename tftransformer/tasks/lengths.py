"""What becomes of texts that are too long."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

TOO_LONG = ("cut", "refuse")
AT_ONCE = 4096


def check_lengths(
    graph: Any,
    tensors: Callable[[Sequence[int]], list[tf.Tensor]],
    rows: Sequence[int],
    limit: str,
) -> None:
    """Raises where a text is longer than a graph reads, before anything is computed.

    Args:
        graph: with `lengths`, such as a `RowGraph`.
        tensors: from numbers of rows to what the graph reads of them.
        rows: numbers of those that are asked for.
        limit: the setting that says how long they may be.

    Raises:
        ValueError: names the first such row, its length and the limit.
    """
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        lengths = np.asarray(graph.lengths(*tensors(part)))
        for row, length in zip(part, lengths, strict=True):
            if length > graph.max_length:
                raise ValueError(
                    f"texts[{row}] takes {length} tokens, and {limit}={graph.max_length}: "
                    f"shorten it, or {graph.advice}."
                )

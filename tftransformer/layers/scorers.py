"""Scorers: how well a query matches a key, for `MultiHeadAttention`."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, register


@register
class DotProductScorer(Layer):
    """`scale · query · keyᵀ` (Vaswani et al. 2017, eq. 1).

    Your own scorer is a layer with the same `build` and `call`; it may hold weights. It sets
    `reads_content_alone` if it uses neither positions nor anything else from the context, and
    `takes_rotated = False` if it compares queries with anything but keys.

    Args:
        scale: factor of the products; default 1/√(head width).
    """

    # No place and no row of a query matters: beams may share the keys of their sentence.
    reads_content_alone = True

    def __init__(self, scale: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, query_shape: Any, key_shape: Any = None) -> None:
        """Does nothing: there are no weights."""

    def call(self, query: Any, key: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Scores each query against each key.

        Args:
            query: float tensor (batch, heads, queries, head width).
            key: float tensor (batch, heads, keys, head width), or with fewer heads, each shared by
                neighbouring heads of the query.
            context: the dict that masks read (positions, documents, …), for scorers that need it.

        Returns:
            float tensor (batch, heads, queries, keys).
        """
        # On the query, before the product: float16 does not overflow, and it is the smaller one.
        return grouped_matmul(query * self.factor(query), ops.swapaxes(key, -1, -2))

    def factor(self, query: Any) -> float:
        """Returns the factor of products with these queries (…, head width)."""
        return self.scale if self.scale is not None else query.shape[-1] ** -0.5

    def compute_output_shape(
        self, query_shape: Any, key_shape: Any, context_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*query_shape[:-1], key_shape[-2])


def grouped_matmul(rows: Any, columns: Any) -> Any:
    """Returns the product of matrices, where several of the first share one of the second.

    Args:
        rows: float tensor (batch, heads, m, n).
        columns: float tensor (batch, key/value heads, n, p).

    Returns:
        float tensor (batch, heads, m, p).
    """
    heads, shared = rows.shape[1], columns.shape[1]
    if heads == shared:
        return ops.matmul(rows, columns)
    batch, _, m, n = ops.shape(rows)
    stacked = ops.reshape(rows, (batch, shared, heads // shared * m, n))
    return ops.reshape(ops.matmul(stacked, columns), (batch, heads, m, ops.shape(columns)[-1]))

"""DisentangledScorer."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, register
from tftransformer.layers.relative_scorer import shift_to_keys


@register
class DisentangledScorer(Layer):
    """Scores content by content, content by distance and distance by content (DeBERTa).

    `scale · (q · k + q · K[distance] + Q[distance] · k)` (He et al. 2021, eq. 4), where the
    distance is the query's position less the key's. The last two terms are there where the context
    holds the keys K, or the queries Q, of the distances, as `DisentangledAttention` makes them.

    Args:
        scale: factor of all products.
    """

    # A rotated query beside keys of distances, which are not, would tell places twice.
    takes_rotated = False

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, query_shape: Any, key_shape: Any = None) -> None:
        """Does nothing: there are no weights."""

    def call(self, query: Any, key: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Scores each query against each key.

        Args:
            query: float tensor (batch, heads, queries, head width).
            key: float tensor (batch, heads, keys, head width).
            context: may hold `distance_keys` and `distance_queries`, float (heads, queries + keys,
                head width), or so for each row: of the largest distance, which the last query has
                to the first key, and all that follow downwards.

        Returns:
            float tensor (batch, heads, queries, keys).
        """
        context = context or {}
        query = query * self.scale
        scores = ops.matmul(query, _turned(key))
        if "distance_keys" in context:
            by_distance = ops.matmul(query, _turned(context["distance_keys"]))
            scores = scores + shift_to_keys(by_distance, ops.shape(key)[2])
        if "distance_queries" in context:
            by_distance = ops.matmul(key * self.scale, _turned(context["distance_queries"]))
            scores = scores + shift_to_queries(by_distance, ops.shape(query)[2])
        return scores

    def compute_output_shape(
        self, query_shape: Any, key_shape: Any, context_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*query_shape[:-1], key_shape[-2])


def shift_to_queries(by_distance: Any, queries: Any) -> Any:
    """Turns scores of keys by distance into scores by query and key.

    Column c of the input is the distance D − c, where the last query has distance D to the first
    key: the last query finds key j in column j, each query before it one column further right.
    Read as one long row, each key's scores begin `columns + 1` after those of the key before.

    Args:
        by_distance: float tensor (batch, heads, keys, columns), columns = queries + keys.
        queries: how many queries there are.

    Returns:
        float tensor (batch, heads, queries, keys).
    """
    batch, heads, keys, columns = ops.shape(by_distance)
    line = ops.reshape(by_distance, (batch, heads, keys * columns))
    line = ops.pad(line, [[0, 0], [0, 0], [0, keys]])
    last_first = ops.reshape(line, (batch, heads, keys, columns + 1))[..., :queries]
    return _turned(ops.flip(last_first, axis=-1))


def _turned(x: Any) -> Any:
    return ops.swapaxes(x, -1, -2)

"""PermutationMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask


@register
class PermutationMask(Mask):
    """Each query sees what precedes it in a factorisation order (XLNet, Yang et al. 2019, §2.2).

    The content stream sees also itself, the query stream does not. Memory (negative positions)
    precedes every order. Reads `permutation`: int (batch, length), the rank of each absolute
    position in its row's order.

    Args:
        stream: "content" (`rank(key) <= rank(query)`) or "query" (`rank(key) < rank(query)`).
    """

    def __init__(self, stream: str = "content"):
        if stream not in ("content", "query"):
            raise ValueError(f'stream must be "content" or "query", not {stream!r}')
        self.stream = stream

    def visible(self, context: Mapping[str, Any]) -> Any:
        ranks = context["permutation"]

        def rank(positions: Any) -> Any:
            if len(positions.shape) == 1:
                return ops.take(ranks, positions, axis=1)
            return ops.take_along_axis(ranks, positions, axis=1)

        key_positions = context["key_positions"]
        query = rank(context["query_positions"])[:, :, None]
        key = rank(ops.maximum(key_positions, 0))[:, None, :]
        precedes = key <= query if self.stream == "content" else key < query
        return ops.logical_or(precedes, key_positions[..., None, :] < 0)

"""PermutationMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import check_choice, register
from tftransformer.masks.mask import Mask


@register
class PermutationMask(Mask):
    """Each query sees what precedes it in a factorisation order (XLNet, Yang et al. 2019, §2.2).

    In the content stream a token also sees itself, in the query stream it does not. Memory
    (negative positions) precedes every order; positions beyond the order follow it from left to
    right. Reads `permutation`: int (batch, length), the rank of each token in its row's order, 0 to
    length − 1; padding before the row's first token does not count.

    Args:
        stream: "content" (`rank(key) <= rank(query)`) or "query" (`rank(key) < rank(query)`).
    """

    counts_tokens = True
    entries = ("permutation",)

    def __init__(self, stream: str = "content"):
        check_choice(("content", "query"), stream=stream)
        self.stream = stream

    def visible(self, context: Mapping[str, Any]) -> Any:
        ranks = ops.convert_to_tensor(context["permutation"])
        length = ops.shape(ranks)[1]

        def rank(positions: Any) -> Any:
            within = ops.clip(positions, 0, length - 1)
            if len(positions.shape) == 1:
                ordered = ops.take(ranks, within, axis=1)
            else:
                ordered = ops.take_along_axis(ranks, within, axis=1)
            return ops.where(positions == within, ordered, ops.cast(positions, ranks.dtype))

        query = rank(context["query_positions"])[:, :, None]
        key = rank(context["key_positions"])[:, None, :]
        return key <= query if self.stream == "content" else key < query

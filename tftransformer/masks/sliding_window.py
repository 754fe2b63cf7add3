"""SlidingWindowMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach, paired


@register
class SlidingWindowMask(Mask):
    """Each query sees a band around itself: `query - before <= key <= query + after`.

    The local attention of Longformer (Beltagy et al. 2020, §3.1) with both sides equal; with
    `after=0` each query sees itself and the `before` keys before it.

    Args:
        before: how many positions before the query are visible.
        after: how many positions after it.
    """

    reads_positions = True

    def __init__(self, before: int, after: int = 0):
        if before < 0 or after < 0:
            raise ValueError(f"a window reaches 0 or more, not before={before}, after={after}")
        self.before, self.after = before, after

    def visible(self, context: Mapping[str, Any]) -> Any:
        query, key = paired(context["query_positions"], context["key_positions"])
        # No table of distances: it would be four times as large as what is asked for.
        return ops.logical_and(
            ops.greater_equal(key, query - self.before), ops.less_equal(key, query + self.after)
        )

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        return Reach(low=first - self.before, high=last + self.after)

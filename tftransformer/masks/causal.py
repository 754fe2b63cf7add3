"""CausalMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, Reach, paired


@register
class CausalMask(Mask):
    """Each query sees its own position and all before it: `key <= query`.

    Vaswani et al. 2017, §3.2.3. Positions are absolute, so the mask also works for a single query
    against a cache, and for memory before position 0.
    """

    reads_positions = True

    def visible(self, context: Mapping[str, Any]) -> Any:
        query, key = paired(context["query_positions"], context["key_positions"])
        return ops.less_equal(key, query)

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        return Reach(high=last)

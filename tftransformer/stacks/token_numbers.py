"""Where tokens stand, and which number they have in their row: two different things.

A *column* is a place among the keys: of a batch, or a slot of a cache. A *token position* is the
number of a token in its row, from 0, wherever padding stands. They differ under padding on the
left, and by the memory of earlier segments, which stands at the negative positions.
"""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.layers import StackState
from tftransformer.masks import Mask


def numbered_columns(
    length: Any, state: StackState | None = None, memory: Any = 0
) -> dict[str, Any]:
    """Returns where queries and keys stand, as the layers read it.

    What reads distances alone (rotary positions, scorers, biases) may count columns as well as
    tokens, and so need not know of padding.

    Args:
        length: how many new tokens there are.
        state: of a stack; where it has caches, the keys are their slots.
        memory: how many positions of memory stand before the new tokens, where there are no
            caches.

    Returns:
        `query_positions`, int (length,), and `key_positions`, int (keys,): columns, the first one
        after the memory being 0; `query_columns`, int (length,): columns among the keys.
    """
    if state is None or state.length is None:
        keys, start = memory + length, memory
    else:
        memory, keys, start = state.memory, state.length, state.position
    columns = ops.arange(length) + start
    return {
        "query_positions": columns - memory,
        "key_positions": ops.arange(keys) - memory,
        "query_columns": columns,
    }


def visible_tokens(mask: Mask, context: Mapping[str, Any], state: StackState | None = None) -> Any:
    """Evaluates a mask, which sees token positions.

    Args:
        mask: the mask expression.
        context: what `numbered_columns` returned, `padding_mask`, and what else the mask reads.
        state: of the stack; its `leading` padding is hidden, whatever the mask says of it.

    Returns:
        bool tensor broadcastable to (batch, heads, queries, keys).
    """
    leading = None if state is None else state.leading
    if leading is None and mask.counts_tokens:
        leading = leading_padding(context["padding_mask"], context["key_positions"])
    if leading is None:
        return mask(context)
    numbered = {
        name: context[name] - leading[:, None]
        for name in ("query_positions", "key_positions")
        if len(context[name].shape) == 1
    }
    visible = mask({**context, **numbered})
    if state is None or state.leading is None:
        return visible
    slots = ops.arange(ops.shape(context["key_positions"])[-1])
    return ops.logical_and(visible, (slots >= leading[:, None])[:, None, None])


def leading_padding(padding_mask: Any, columns: Any) -> Any:
    """Returns how many columns of padding stand before the first token of each row: int (batch,).

    Args:
        padding_mask: bool tensor (batch, keys), True = a real token.
        columns: int tensor (keys,), the number of each column; those below 0 are memory.
    """
    is_own = ops.logical_and(ops.cast(padding_mask, "bool"), columns >= 0)
    first = ops.min(ops.where(is_own, columns, ops.shape(padding_mask)[1]), axis=1)
    return ops.where(ops.any(is_own, axis=1), first, 0)

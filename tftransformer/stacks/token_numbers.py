"""Where tokens stand, and which number they have in their row: two different things.

A *column* is a place among the keys: of a batch, or a slot of a cache. A *token position* is the
number of a token in its row, from 0, wherever padding stands. They differ under padding on the
left, and by the memory of earlier segments, which stands at the negative positions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from tftransformer.core.compiling import concrete
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
        state: state of a stack; where it has caches, the keys are their slots.
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
        state: state of the stack; its `leading` padding is hidden, whatever the mask says of it.

    Returns:
        bool tensor broadcastable to (batch, heads, queries, keys), where there is a `key_order`
        the keys in that.
    """
    if "key_order" in context:
        return _visible_in_order(mask, context)
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
    return ops.logical_and(visible, ops.expand_dims(slots >= leading[:, None], (1, 2)))


def _visible_in_order(mask: Mask, context: Mapping[str, Any]) -> Any:
    """Evaluates a mask where a memory is to stand behind padding: see `behind_padding`."""
    columns, leading = context["key_positions"], context["leading_padding"][:, None]
    tokens = columns - leading
    # Padding is numbered before the memory, which it will precede.
    tokens = ops.where(columns < 0, columns, ops.where(tokens < 0, tokens + columns[0], tokens))
    numbered = {"query_positions": context["query_positions"] - leading, "key_positions": tokens}
    visible = mask({**context, **numbered})
    if visible.shape[-1] == 1:
        return visible
    order = ops.expand_dims(context["key_order"], (1, 2))
    visible = ops.logical_and(visible, order[..., :1] >= 0)  # of each row its own
    return _where_moved(order, lambda: ops.take_along_axis(visible, order, axis=-1), visible)


def behind_padding(padding_mask: Any, columns: Any) -> dict[str, Any]:
    """Returns how keys move, so that a memory stands directly before the first token of each row.

    Args:
        padding_mask: bool tensor (batch, keys), True = a real token, or memory.
        columns: int tensor (keys,), the number of each column; those below 0 are memory.

    Returns:
        `leading_padding`, see there, and `key_order`, int (batch, keys), the column that comes to
        stand at each place; nothing where it is known that no padding leads.
    """
    leading = leading_padding(padding_mask, columns)
    known = concrete(leading)
    if known is not None and not known.any():
        return {}
    keys = ops.shape(columns)[0]
    return {"leading_padding": leading, "key_order": memory_order(leading, keys, -columns[0])}


def memory_order(leading: Any, keys: Any, memory: Any) -> Any:
    """Returns where the key of each place comes from, to let a memory follow leading padding.

    Args:
        leading: int (batch,), padding before the first token.
        keys: how many keys there are, those of the memory first.
        memory: how many those are.

    Returns:
        int (batch, keys).
    """
    places, leading = ops.arange(keys), leading[:, None]
    moved = ops.where(places < leading, places + memory, places - leading)
    return ops.where(places < memory + leading, moved, places)


def in_key_order(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the context with what it says of keys (`key_…`) in the order of the keys."""
    if "key_order" not in context:
        return context
    apart = ("key_positions", "key_order")  # those of the places, and the order itself
    names = [name for name in context if name.startswith("key_") and name not in apart]
    order = context["key_order"]
    moved = {name: ops.take_along_axis(context[name], order, axis=1) for name in names}
    return {**context, **moved}


def rows_in_order(x: Any, order: Any) -> Any:
    """Returns vectors (batch, keys, width) in an order, int (batch, keys)."""

    def moved() -> Any:
        batch, keys, width = ops.shape(x)
        starts = ops.arange(batch, dtype=order.dtype)[:, None] * keys
        return ops.take(ops.reshape(x, (batch * keys, width)), order + starts, axis=0)

    return _where_moved(order, moved, x)


def _where_moved(order: Any, moved: Callable[[], Any], x: Any) -> Any:
    """Returns `moved()` if padding leads a row, else `x`: as a rule it is so, and costs nothing."""
    return ops.cond(ops.any(order[..., 0] > 0), moved, lambda: x)


def by_token(of_columns: Any, padding_mask: Any) -> Any:
    """Returns what is given for each column for each token, by its number in the row.

    Args:
        of_columns: tensor (batch, length).
        padding_mask: bool tensor (batch, length), True = a real token.

    Returns:
        tensor (batch, length); behind the last column it begins again.
    """
    columns = ops.arange(ops.shape(padding_mask)[1])
    moved = columns + leading_padding(padding_mask, columns)[:, None]
    return ops.take_along_axis(of_columns, moved % ops.shape(padding_mask)[1], axis=1)


def leading_padding(padding_mask: Any, columns: Any) -> Any:
    """Returns how many columns of padding stand before the first token of each row: int (batch,).

    Args:
        padding_mask: bool tensor (batch, keys), True = a real token.
        columns: int tensor (keys,), the number of each column; those below 0 are memory.
    """
    is_own = ops.logical_and(ops.cast(padding_mask, "bool"), columns >= 0)
    first = ops.min(ops.where(is_own, columns, ops.shape(padding_mask)[1]), axis=1)
    return ops.where(ops.any(is_own, axis=1), first, 0)

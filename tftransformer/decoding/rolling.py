"""The loop over the steps that all strategies share, and its small arithmetic."""

from collections.abc import Callable
from typing import Any, Protocol

import keras
from keras import ops


class Step(Protocol):
    """What `roll_out` runs: a `DecodingStep`, or what returns more than logits."""

    @property
    def grows(self) -> Any: ...

    @property
    def cache(self) -> Any: ...

    def __call__(self, ids: Any, cache: Any, position: Any, /) -> tuple[Any, Any]: ...


def roll_out(
    step: Step,
    prompt_ids: Any,
    state: dict[str, Any],
    select: Callable,
    max_new_tokens: Any,
) -> dict[str, Any]:
    """Runs `step` and `select` in turn until every row has ended or the limit is reached.

    Args:
        step, max_new_tokens: as for `Strategy`.
        prompt_ids: int32 tensor (rows, prompt).
        state: dict of tensors, the strategy's own; `state["open"]` (any shape, bool) is True
            for rows that go on.
        select: (logits (rows, vocab), generated int32 scalar, state) ->
            (tokens int32 (rows,), source rows int32 (rows,) or None, state). It picks the
            tokens of the next step; with source rows the cache is reordered to follow them.

    Returns:
        The last state.
    """
    prompt_length = ops.shape(prompt_ids)[1]

    def unfinished(generated: Any, tokens: Any, state: Any, cache: Any) -> Any:
        return ops.logical_and(generated < max_new_tokens, ops.any(state["open"]))

    def body(generated: Any, tokens: Any, state: Any, cache: Any) -> Any:
        position = prompt_length - 1 + generated
        return advance(step, select, tokens, position, generated, state, cache)

    start = ops.zeros((), "int32")
    cache = keras.tree.map_structure(ops.convert_to_tensor, step.cache)
    if prompt_ids.shape[1] == 1:
        # A single token is a step like any other: the step function is traced once only.
        variables = (start, prompt_ids, state, cache)
    else:
        variables = advance(step, select, prompt_ids, start, start, state, cache)
    return ops.while_loop(unfinished, body, variables)[2]


def advance(
    step: Step,
    select: Callable,
    tokens: Any,
    position: Any,
    generated: Any,
    state: Any,
    cache: Any,
) -> tuple[Any, Any, Any, Any]:
    """Runs `step` and `select` once; see `roll_out`.

    Returns:
        `generated`, the tokens (rows, 1), state and cache, each for the next step.
    """
    logits, stepped = step(tokens, cache, position)
    if not step.grows:
        _check_stepped(stepped, cache)
    tokens, source, chosen = select(logits, generated, state)
    if source is not None:
        stepped = keras.tree.map_structure(lambda x: ops.take(x, source, axis=0), stepped)
    if not step.grows:
        stepped = keras.tree.map_structure(_shaped_like, stepped, cache)
    chosen = keras.tree.map_structure(_shaped_like, chosen, state)
    return generated + 1, ops.expand_dims(tokens, 1), chosen, stepped


def process(processors: Any, scores: Any, ids: Any, lengths: Any) -> Any:
    """The scores (rows, vocab) after all processors, in order; the rest as for a `Processor`."""
    for processor in processors:
        scores = processor(scores, ids, lengths)
    return scores


def write_token(ids: Any, tokens: Any, columns: Any) -> Any:
    """The buffer `ids` (..., total) with `tokens` (...) written at `columns` of its last axis."""
    here = ops.arange(ops.shape(ids)[-1]) == ops.expand_dims(columns, -1)
    return ops.where(here, ops.expand_dims(tokens, -1), ids)


def _check_stepped(new: Any, old: Any) -> None:
    """A step has to return the cache it was given, with other values only."""

    def described(cache: Any) -> Any:
        return [
            (".".join(map(str, path)), tuple(x.shape), keras.backend.standardize_dtype(x.dtype))
            for path, x in keras.tree.flatten_with_path(cache)
        ]

    given, returned = described(old), described(new)
    same = len(given) == len(returned) and all(
        path == new_path
        and dtype == new_dtype
        and len(shape) == len(new_shape)
        and all(size in (None, n) or n is None for size, n in zip(shape, new_shape, strict=True))
        for (path, shape, dtype), (new_path, new_shape, new_dtype) in zip(
            given, returned, strict=True
        )
    )
    if not same:
        raise ValueError(
            f"step returned a cache of other entries, shapes or dtypes than it was given.\n"
            f"Given: {given}\nReturned: {returned}\nWrite the new tokens into the cache at "
            f"`position`; do not append to it, and cast to the dtype of the entry."
        )


def _shaped_like(new: Any, old: Any) -> Any:
    """`new` with the static shape of `old`, which loop variables have to keep."""
    return new if tuple(new.shape) == tuple(old.shape) else ops.reshape(new, ops.shape(old))

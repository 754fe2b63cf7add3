"""What all decoding strategies share: their call, the loop over the steps, small arithmetic."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops

from tftransformer.core import Configurable, is_int, require


class Decoded(NamedTuple):
    """What a strategy returns: `n` results for each row of the batch, best first.

    Attributes:
        ids: int32 tensor (batch, n, max_new_tokens), the generated tokens without the prompt,
            up to and including the first end token; the rest is the pad id.
        scores: float32 tensor (batch, n), what the strategy ranks by. A slot that no
            hypothesis reached has score -inf, length 0 and pad ids only.
        lengths: int32 tensor (batch, n), generated tokens, the end token included.
    """

    ids: Any
    scores: Any
    lengths: Any


@dataclass(frozen=True)
class Strategy(Configurable):
    """Base of the decoding strategies; a subclass defines `_decode`.

    A strategy never sees the model. It drives a step function

        step(ids int32 (rows, q), cache, position int32 scalar) -> (logits (rows, vocab), cache)

    that runs `q` new tokens whose first one stands at `position` (= tokens already cached)
    and returns the logits of the last one. `cache` is any nested structure, possibly empty, of
    tensors with axis 0 = rows and with shapes that the step keeps; it needs room for
    `prompt + max_new_tokens - 1` positions, which is checked if the step function says as
    `step.max_length` how many there are. What is the same at every step (encoder output,
    padding) belongs in the closure of `step`.

    The loop has static shapes and ends as soon as every row has ended. It runs eagerly, inside
    `tf.function` (batch and prompt length may be unknown there, the batch may be empty) and
    inside `jax.jit`. A row's result does not depend on the other rows.

    Example, with a bigram table for a model, which needs no cache:

    ```python
    table = np.random.default_rng(0).normal(size=(10, 10)).astype("float32")

    def step(ids, cache, position):
        return ops.take(table, ids[:, -1], axis=0), cache

    decoded = BeamSearch(4)(step, (), [[2], [5]], max_new_tokens=8, end_id=3, pad_id=0)
    decoded.ids.shape  # (2, 1, 8)
    ```
    """

    def __call__(
        self,
        step,
        cache,
        prompt_ids,
        *,
        max_new_tokens: int,
        end_id: int,
        pad_id: int,
        processors=(),
        **options,
    ) -> Decoded:
        """Continues the prompts.

        Args:
            step: the step function, see the class.
            cache: the empty cache, axis 0 = rows: batch, or batch · num_beams for beam search.
            prompt_ids: int32 tensor (batch, prompt), prompt ≥ 1: a start token or a text. A
                left-padded prompt is the business of `step`, which knows the mask.
            max_new_tokens: most tokens to generate for a row, the end token included.
            end_id: the token that ends a row; a negative id matches none, then rows end at
                the limit only.
            pad_id: what fills a row after its end.
            processors: functions (scores, ids, length) -> scores, applied in order at each
                step; see `Processor`.
            **options: what the strategy takes besides; see its class.

        Returns:
            `Decoded`.

        Raises:
            ValueError: if an argument is out of range, or the cache does not fit the rows.
        """
        require(is_int(max_new_tokens, 1), "max_new_tokens", max_new_tokens, "an int ≥ 1")
        require(is_int(end_id), "end_id", end_id, "an int")
        require(is_int(pad_id, 0), "pad_id", pad_id, "an int ≥ 0")
        for processor in processors:
            require(callable(processor), "processors", processor, "callables, see Processor")
        prompt_ids = ops.cast(ops.convert_to_tensor(prompt_ids), "int32")
        shape = tuple(prompt_ids.shape)
        require(
            len(shape) == 2 and shape[1] != 0,
            "shape of prompt_ids",
            shape,
            "(batch, prompt) with at least one token, such as the start token",
        )
        room, needed = getattr(step, "max_length", None), (shape[1] or 1) + max_new_tokens - 1
        require(
            room is None or needed <= room,
            "max_length of the cache",
            room,
            f"at least {needed}: a prompt of {shape[1]} and {max_new_tokens - 1} new tokens before "
            f"the last one",
        )
        self._check_cache(cache, shape[0])
        return self._decode(
            step,
            keras.tree.map_structure(ops.convert_to_tensor, cache),
            prompt_ids,
            max_new_tokens,
            end_id,
            pad_id,
            tuple(processors),
            **options,
        )

    @property
    def rows_per_prompt(self) -> int:
        """Rows of the cache for each row of the prompt."""
        return 1

    def _check_cache(self, cache, batch):
        if batch is None:
            return
        rows = batch * self.rows_per_prompt
        for path, leaf in keras.tree.flatten_with_path(cache):
            given = tuple(leaf.shape)
            require(
                given and given[0] in (None, rows),
                f"shape of cache entry {path}",
                given,
                f"{rows} rows on axis 0 ({batch} prompts × {self.rows_per_prompt})",
            )

    def _decode(self, step, cache, prompt_ids, max_new_tokens, end_id, pad_id, processors):
        raise NotImplementedError


def roll_out(step, cache, prompt_ids, state, select, max_new_tokens):
    """Runs `step` and `select` in turn until every row has ended or the limit is reached.

    Args:
        step, cache, max_new_tokens: as for `Strategy`.
        prompt_ids: int32 tensor (rows, prompt).
        state: dict of tensors, the strategy's own; `state["open"]` (any shape, bool) is True
            for rows that go on.
        select: (logits (rows, vocab), generated int32 scalar, state) ->
            (tokens int32 (rows,), source rows int32 (rows,) or None, state). It picks the
            tokens of the next step; with source rows the cache is reordered to follow them.

    Returns:
        The last state.
    """
    prompt_length = _size(prompt_ids, 1)

    def advance(tokens, position, generated, state, cache):
        logits, stepped = step(tokens, cache, position)
        _check_stepped(stepped, cache)
        tokens, source, chosen = select(logits, generated, state)
        if source is not None:
            stepped = keras.tree.map_structure(lambda x: ops.take(x, source, axis=0), stepped)
        return (
            generated + 1,
            ops.expand_dims(tokens, 1),
            keras.tree.map_structure(_shaped_like, chosen, state),
            keras.tree.map_structure(_shaped_like, stepped, cache),
        )

    def unfinished(generated, tokens, state, cache):
        return ops.logical_and(generated < max_new_tokens, ops.any(state["open"]))

    def body(generated, tokens, state, cache):
        return advance(tokens, prompt_length - 1 + generated, generated, state, cache)

    start = ops.zeros((), "int32")
    if prompt_ids.shape[1] == 1:
        # A single token is a step like any other: the step function is traced once only.
        variables = (start, prompt_ids, state, cache)
    else:
        variables = advance(prompt_ids, start, start, state, cache)
    return ops.while_loop(unfinished, body, variables)[2]


def process(processors, scores, ids, length):
    """The scores (rows, vocab) after all processors, in order."""
    for processor in processors:
        scores = processor(scores, ids, length)
    return scores


def write_token(ids, tokens, position):
    """The buffer `ids` (..., total) with `tokens` (...) written at `position` of its last axis."""
    return ops.where(ops.arange(_size(ids, -1)) == position, ops.expand_dims(tokens, -1), ids)


def generated_lengths(ids, end_id):
    """Tokens up to and including the first end token, all of them if there is none.

    `ids` is (..., max_new_tokens); the result int32 (...).
    """
    ends = ids == end_id
    first = ops.argmax(ops.cast(ends, "int32"), axis=-1)
    return ops.where(ops.any(ends, axis=-1), ops.cast(first, "int32") + 1, ids.shape[-1])


def _size(x, axis):
    return ops.shape(x)[axis]


def _check_stepped(new, old):
    """A step has to return the cache it was given, with other values only."""

    def described(cache):
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


def _shaped_like(new, old):
    """`new` with the static shape of `old`, which loop variables have to keep."""
    return new if tuple(new.shape) == tuple(old.shape) else ops.reshape(new, ops.shape(old))

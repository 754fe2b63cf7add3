"""CachedStack, and the layout of prompts in a cache."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core.compiling import concrete
from tftransformer.layers import GrowingKeyValue, KeyValueCache, LayerState, StackState
from tftransformer.stacks.token_numbers import memory_order


class Prompts:
    """Prompts padded to one width, on either side.

    In a cache all padding is on the left, so that the last column of each row is its last token and
    the next token follows it. Prompts with padding elsewhere are reordered when they are run.

    Args:
        rows: how many rows there are.
        width: how many columns.
        mask: bool tensor (rows, width), True = a real token; None where all are.

    Attributes:
        order: int (rows, width), for each column of the cache the column of the prompt; None
            without a mask.
        leading: int (rows,), number of padding columns before the first token; None without a mask.
        is_token: bool (rows, width), the mask in order; None without a mask.
    """

    def __init__(self, rows: Any, width: Any, mask: Any = None):
        self.rows, self.width = rows, width
        self.order = self.leading = self.is_token = None
        if mask is not None:
            columns = ops.arange(width)
            last = ops.max(ops.where(mask, columns, -1), axis=1)
            # A row of padding alone stays as it is.
            behind = ops.where(last < 0, 0, width - 1 - last)
            self.order = (columns - behind[:, None]) % width
            self.is_token = ops.take_along_axis(mask, self.order, axis=1)
            self.leading = ops.min(ops.where(self.is_token, columns, width), axis=1)

    def ordered(self, x: Any) -> Any:
        """Returns (rows, width), each row in the order of the cache."""
        return x if self.order is None else ops.take_along_axis(x, self.order, axis=1)

    def at(self, x: Any, columns: Any) -> Any:
        """Returns an ordered (rows, width) at columns (n,); beyond the last one, its value."""
        return ops.take(x, ops.minimum(columns, self.width - 1), axis=1)

    def put_in_order(self, ids: Any, position: Any) -> Any:
        """Returns new ids (rows, n) as the cache wants them: a whole prompt in order."""
        given = ids.shape[1]
        if self.order is None or goes_on(ids, position):
            return ids
        if given is not None and isinstance(self.width, int) and given != self.width:
            order = concrete(self.order)
            if order is not None and (order[:, 0] != 0).any():
                raise ValueError(
                    f"the prompts have padding at their ends and {given} of {self.width} columns "
                    "were given: run such prompts whole."
                )
            return ids
        ordered = ops.take_along_axis(ids, self.order, axis=1)
        return ops.where(ops.equal(position, 0), ordered, ids)


class CachedStack:
    """A stack that runs on new tokens, with a cache of the earlier ones.

    Args:
        stack: the stack.
        prompts: the prompts.
        length: how many tokens the cache can hold; None: it grows with each step.
        memory: for each layer a float tensor (rows, M, d_model), or None.
        hidden: whether the cache also holds the output of the stack for each token: `hidden`,
            (rows, length, d_model).
    """

    def __init__(
        self,
        stack: Any,
        prompts: Prompts,
        length: int | None,
        memory: Sequence[Any] | None = None,
        hidden: bool = False,
    ):
        self.hidden = hidden
        self.stack, self.prompts, self.length = stack, prompts, length
        self.memory = memory
        self.past = 0 if memory is None else ops.shape(memory[0])[1]

    def first_cache(self) -> dict[str, Any]:
        """Returns the cache before the first step."""
        rows = self.prompts.rows
        if self.memory is None:
            layers = self.stack.empty_cache(rows, self._no_columns())
        else:
            length = None if self.length is None else self.past + self.length
            layers = self.stack.memory_cache(self.memory, length, self.prompts.leading)
        cache: dict[str, Any] = {"layers": layers}
        if self.hidden:
            shape = (rows, self._no_columns(), self.stack.d_model)
            cache["hidden"] = ops.zeros(shape, self.stack.compute_dtype)
        return cache

    def _no_columns(self) -> Any:
        """The length of empty buffers."""
        if self.length is not None:
            return self.length
        # A 0 of which TensorFlow's graphs do not know the value, or the shape could not change.
        weight = ops.reshape(ops.convert_to_tensor(self.stack.weights[0]), (-1,))
        return ops.cast(ops.sum(weight[:0]), "int32")

    def step(
        self, ids: Any, cache: dict[str, Any], position: Any, run: Callable[..., Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Runs the stack on new tokens.

        Args:
            ids: int (rows, n), in the order of the cache.
            cache: that of the step before.
            position: int, scalar: how many columns it holds so far.
            run: calls the stack: `run(columns, padding_mask, state)` with the columns of the ids,
                int (n,), returns what the step returns.

        Returns:
            what `run` returned, and the new cache.
        """
        count = ops.shape(ids)[1]
        columns = position + ops.arange(count)
        length = position + count if self.length is None else self.length
        order = self._order(ids, position, length)
        kind = GrowingKeyValue if self.length is None else KeyValueCache
        caches = [
            kind(**own, position=self.past + position, order=order) for own in cache["layers"]
        ]
        state = StackState(
            [LayerState(own) for own in caches],
            position=self.past + position,
            length=self.past + length,
            memory=self.past,
            leading=self.prompts.leading,
        )
        found = run(columns, self._padding_mask(length), state)
        after = {"layers": [{"key": own.key, "value": own.value} for own in caches]}
        if self.hidden:
            new = ops.cast(found, self.stack.compute_dtype)
            after["hidden"] = self._appended(cache["hidden"], new, position)
        return found, after

    def behind(
        self, prefix: Sequence[Mapping[str, Any]], ids: Any, cache: dict[str, Any]
    ) -> tuple[Any, dict[str, Any], Any]:
        """Returns what remains to be run of prompts whose first tokens have known keys and values.

        A row that is shorter than the others has padding before it, so that as many tokens of its
        prefix lie beyond the filled columns: these are run again.

        Args:
            prefix: `key` and `value` of each layer, (1, heads, tokens, head width).
            ids: int (rows, width), whole prompts in the order of the cache.
            cache: the first one.

        Returns:
            the ids from the first column on that has to be run, the cache, and that column.
        """
        rows, size = ops.shape(ids)[0], ops.shape(prefix[0]["key"])[2]
        columns = ops.zeros((rows, 1), "int32") + ops.arange(size)
        if self.prompts.leading is not None:
            columns = ops.maximum(columns - self.prompts.leading[:, None], 0)

        def of_rows(known: Any, buffer: Any) -> Any:
            known = ops.transpose(ops.take(known[0], columns, axis=1), (1, 0, 2, 3))
            known = ops.cast(known, buffer.dtype)
            if self.length is None:
                return ops.concatenate([buffer, known], axis=2)
            return ops.slice_update(buffer, (0, 0, 0, 0), known)

        layers = [
            {name: of_rows(own[name], empty[name]) for name in empty}
            for own, empty in zip(prefix, cache["layers"], strict=True)
        ]
        return ids[:, size:], {**cache, "layers": layers}, size

    def _appended(self, buffer: Any, new: Any, position: Any) -> Any:
        if self.length is None:
            return ops.concatenate([buffer, new], axis=1)
        rest = new.ndim - 2
        if new.shape[1] == 1:  # cheaper than a kernel of XLA's
            here = ops.reshape(ops.arange(self.length) == position, (-1, *[1] * rest))
            return ops.where(here, new, buffer)
        return ops.slice_update(buffer, (0, position, *[0] * rest), new)

    def _padding_mask(self, length: Any) -> Any:
        """Which slots hold a token: bool (rows, slots), or None where all do.

        What is written is a token, whatever its id.
        """
        if self.prompts.is_token is None or self.prompts.leading is None:
            return None
        columns = ops.arange(length)
        is_token = self.prompts.at(self.prompts.is_token, columns)
        is_token = ops.logical_or(is_token, columns >= self.prompts.width)
        if self.memory is None:
            return is_token
        real = ops.pad(ops.cast(is_token, "int32"), ((0, 0), (self.past, 0)), constant_values=1) > 0
        # The memory stands where the padding before the first token was.
        slots = ops.arange(self.past + length)
        return ops.logical_or(real, slots < self.past + self.prompts.leading[:, None])

    def _order(self, ids: Any, position: Any, length: Any) -> Any:
        """How a prompt with padding before its first token brings the memory up to it."""
        if self.memory is None or self.prompts.leading is None or goes_on(ids, position):
            return None
        order = memory_order(self.prompts.leading, self.past + length, self.past)
        return ops.where(ops.equal(position, 0), order, ops.arange(self.past + length))


def goes_on(ids: Any, position: Any) -> bool:
    """Whether new ids (rows, n) certainly follow others, rather than begin a prompt."""
    return ids.shape[1] == 1 or (isinstance(position, int) and position > 0)

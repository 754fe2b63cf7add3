"""Attention by scaled products, of long texts in blocks: not all scores stand in memory."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from keras import ops

from tftransformer.core import masked_softmax
from tftransformer.core.compiling import as_one_operation, is_for_xla, traced_once
from tftransformer.core.gradients import custom_gradient
from tftransformer.layers.dropout import Drawn, kept
from tftransformer.layers.scorers import grouped_matmul
from tftransformer.masks import Mask

# Queries in a block.
BLOCK = 256
# Queries times keys from which on blocks are faster than all at once, whatever may be left out.
MANY_SCORES = 2**21
# Where a query sees what is before it, blocks come in so many parts, each of which is compared with
# the keys up to its own end: five eighths of all products.
PARTS = 4


class Window(NamedTuple):
    """Which keys a block of queries may see at most.

    `before` and `after` say how far they stand from its first and its last query, ints; of a side
    that is None all are. `columns` are those of the queries among the keys, int tensor (queries,),
    one after the other.
    """

    before: int | None = None
    after: int | None = None
    columns: Any = None


def window_of(expression: Mask | None, context: Mapping[str, Any]) -> Window:
    """Returns which keys blocks may see at most under a mask; all, where that is not known.

    Args:
        expression: the mask. One that reads distances alone reaches as far everywhere.
        context: the dict that masks read; its `query_columns` say where queries stand.
    """
    columns = context.get("query_columns")
    if expression is None or expression.counts_tokens or columns is None or "key_order" in context:
        return Window()
    sides = set()
    for first in (0, 1, BLOCK):  # one that goes by places, not by distances, differs there
        low, high = expression.reach(first, first + BLOCK - 1)
        if not isinstance(high, int):
            return Window()
        before = first - low if isinstance(low, int) else None
        sides.add((before, high - first - BLOCK + 1))
    return Window(*sides.pop(), columns) if len(sides) == 1 else Window()


class Visible(NamedTuple):
    """Which query may see which key.

    `mask` is a bool tensor broadcastable to (batch, heads, queries, keys), or None: all may see
    all. `something` says whether a query may see any key, (…, queries, 1), where that is known.
    """

    mask: Any = None
    something: Any = None

    @classmethod
    def to_be_cut(cls, mask: Any) -> "Visible":
        """Returns a mask for `part`, which is asked once whether its queries see anything.

        XLA reduces a mask without padding while it compiles, for seconds: not in each part.
        """
        return cls(mask, None if mask is None else ops.any(mask, axis=-1, keepdims=True))

    def part(self, start: Any, count: Any, low: Any, span: Any) -> "Visible":
        """Returns it for `count` queries from `start` on, and `span` keys from `low` on."""
        mask, something = (_cut(x, 2, start, count) for x in self)
        return Visible(_cut(mask, 3, low, span), something)


class Scoring(NamedTuple):
    """How weights come of products: `dropout(softmax(cap(scale · products) + bias))`.

    Of the weights a share `dropped` is dropped out, which `seed`, an int tensor (2,), decides.
    """

    scale: float
    cap: float | None = None
    dropped: float = 0.0
    seed: Any = None

    def weights(self, scores: Any, visible: Visible, bias: Any = None) -> Any:
        """The softmax of scaled products over what is visible, float32."""
        if self.cap is not None:
            scores = ops.tanh(scores / self.cap) * self.cap
        if bias is not None:
            scores = scores + ops.cast(bias, scores.dtype)
        return masked_softmax(scores, *visible)

    def kept(self, weights: Any, dtype: Any) -> tuple[Any, Any]:
        """What is not dropped out of weights, and the factors that make it so, or None."""
        weights = ops.cast(weights, dtype)
        if not self.dropped:
            return weights, None
        factors = kept(ops.shape(weights), self.dropped, Drawn(self.seed), dtype)
        return weights * factors, factors

    def of_block(self, index: Any) -> "Scoring":
        """With a seed of its own. A generator counts its draws in the second place."""
        if self.seed is None:
            return self
        number = ops.cast(ops.stack([index, 0]), self.seed.dtype)
        return self._replace(seed=self.seed + number)


def are_many(query: Any, key: Any, window: Window) -> Any:
    """Returns whether scores are better made in blocks.

    Args:
        query: float tensor (batch, heads, queries, head width).
        key: float tensor (batch, key/value heads, keys, head width).
        window: which keys a block may see.

    Returns:
        a bool, or a bool tensor () where only the graph that runs will know lengths. XLA, which
        needs to know how long blocks are, has no blocks there.
    """
    queries, keys = ops.shape(query)[2], ops.shape(key)[2]
    if (_are_known(queries) and queries <= BLOCK) or (
        is_for_xla() and not _are_known(queries, keys)
    ):
        return False
    # By how much they are more than few; of ints alone, which no GPU is asked for.
    more = queries - MANY_SCORES // _most(keys, 1)
    if window.after is not None and window.before is not None:
        more = _most(more, keys - (BLOCK + window.before + window.after) * 5 // 4)
    elif window.after is not None:
        more = _most(more, queries - 2 * BLOCK + 1)
    return _least(more, queries - BLOCK) > 0


@traced_once
def attend(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scoring: Scoring,
    window: Window,
    many: Any,
) -> Any:
    """Attends by scaled products, to all keys at once or a block of queries after the other.

    The gradient of blocks makes their weights anew (as Dao et al. 2022, §3.1, do): what is kept
    of the forward pass is what it was given.

    Args:
        query: float tensor (batch, heads, queries, head width).
        key: float tensor (batch, key/value heads, keys, head width); see `SoftmaxAttention`.
        value: float tensor shaped as `key`.
        mask: bool tensor of rank 4, broadcastable to (batch, heads, queries, keys), or None.
        scoring: how weights come of products.
        window: which keys a block may see.
        many: what `are_many` says. It tells traces apart: one made before lengths were known would
            else serve known ones, too. A tensor decides when the graph runs.

    Returns:
        float tensor (batch, heads, queries, head width).
    """
    at_once = _Whole(query, key, value, Visible(mask), scoring)
    if many is False:
        return at_once.seen()
    if many is True:
        return _in_blocks(at_once, window)
    return ops.cond(many, lambda: _in_blocks_apart(at_once, window), at_once.seen)


class _Whole(NamedTuple):
    """All queries at once."""

    query: Any
    key: Any
    value: Any
    visible: Visible
    scoring: Scoring

    def seen(self) -> Any:
        """What the queries see: (batch, heads, queries, width)."""
        *_, weights, _ = self._weights()
        return grouped_matmul(weights, self.value)

    def gradients(self, upstream: Any) -> tuple[Any, Any, Any]:
        """The gradients of query, key and value."""
        query, products, weights, kept_weights, factors = self._weights()
        of_weights = ops.cast(grouped_matmul(upstream, _turned(self.value)), "float32")
        if factors is not None:
            of_weights = of_weights * ops.cast(factors, "float32")
        mean = ops.sum(weights * of_weights, axis=-1, keepdims=True)
        of_scores = weights * (of_weights - mean)
        if self.scoring.cap is not None:
            share = ops.tanh(ops.cast(products, "float32") / self.scoring.cap)
            of_scores = of_scores * (1.0 - share * share)
        of_scores = ops.cast(of_scores, query.dtype)
        of_query = grouped_matmul(of_scores, self.key) * self.scoring.scale
        return of_query, self._summed(of_scores, query), self._summed(kept_weights, upstream)

    def _weights(self) -> tuple[Any, Any, Any, Any, Any]:
        """Scaled queries, their products, weights, those that are kept, and what kept them."""
        query = self.query * self.scoring.scale
        products = grouped_matmul(query, _turned(self.key))
        weights = self.scoring.weights(products, self.visible)
        return query, products, weights, *self.scoring.kept(weights, self.value.dtype)

    def _summed(self, of_pairs: Any, rows: Any) -> Any:
        """Rows of queries, weighed for each key and summed over them and the heads that share it.

        Args:
            of_pairs: float tensor (batch, heads, queries, keys).
            rows: float tensor (batch, heads, queries, width).

        Returns:
            float tensor (batch, key/value heads, keys, width).
        """
        batch, shared = ops.shape(self.key)[:2]
        count = rows.shape[1] // shared * ops.shape(rows)[2]
        of_pairs, rows = (
            ops.reshape(x, (batch, shared, count, ops.shape(x)[-1])) for x in (of_pairs, rows)
        )
        return ops.matmul(_turned(of_pairs), rows)


def _in_blocks(whole: _Whole, window: Window) -> Any:
    """What the queries see, made block by block, and so is the gradient."""
    visible = Visible.to_be_cut(whole.visible.mask)

    @custom_gradient
    def seen(query: Any, key: Any, value: Any) -> tuple[Any, Any]:
        blocks = _Blocks(_Whole(query, key, value, visible, whole.scoring), window)
        return blocks.seen(), blocks.gradients

    return seen(*whole[:3])


_in_blocks_apart = as_one_operation(_in_blocks)


class _Blocks:
    """A block of queries after the other. The last ends with the last query: it may overlap."""

    def __init__(self, whole: _Whole, window: Window):
        self.whole, self.window = whole, window
        self.queries, self.keys = ops.shape(whole.query)[2], ops.shape(whole.key)[2]

    def seen(self) -> Any:
        """What the queries see: (batch, heads, queries, width)."""

        def step(index: Any, span: Any, seen: Any) -> Any:
            block, start, _ = self._block(index, span)
            return ops.slice_update(seen, (0, 0, start, 0), block.seen())

        return self._over_blocks(step, ops.zeros_like(self.whole.query))

    def gradients(self, upstream: Any) -> tuple[Any, Any, Any]:
        """The gradients of query, key and value, summed in float32."""

        def step(index: Any, span: Any, sums: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            block, start, low = self._block(index, span)
            # What the last block sees anew is its own.
            rows, last = ops.arange(BLOCK) + start, self.queries - BLOCK
            is_own = ops.cast(ops.logical_or(rows < last, start == last), upstream.dtype)
            found = block.gradients(_rows(upstream, start, BLOCK) * is_own[:, None])
            added = map(_added, sums, (start, low, low), found)
            return next(added), next(added), next(added)

        given = self.whole[:3]
        zeros = tuple(ops.zeros_like(x, dtype="float32") for x in given)
        sums = self._over_blocks(step, zeros)
        return tuple(ops.cast(x, like.dtype) for x, like in zip(sums, given, strict=True))

    def _over_blocks(self, step: Callable[[Any, Any, Any], Any], carry: Any) -> Any:
        """Calls `step(number of a block, keys that it may see, carry)` for each."""
        count = (self.queries + BLOCK - 1) // BLOCK
        before, after, _ = self.window
        # Where lengths are known, shapes within loops are to be, too.
        is_known = _are_known(self.queries, self.keys)
        parts = min(PARTS, count) if is_known and before is None and after is not None else 1
        for first, last in itertools.pairwise(count * part // parts for part in range(parts + 1)):

            def body(index: Any, carry: Any, last: Any = last) -> Any:
                return step(index, self._span(last if is_known else index + 1), carry)

            carry = ops.fori_loop(first, last, body, carry)
        return carry

    def _span(self, last: Any) -> Any:
        """How many keys may be seen at most by a block before the block `last`."""
        before, after, _ = self.window
        span = self.keys
        if after is not None and before is not None:
            span = BLOCK + before + after
        elif after is not None:  # wherever in a cache: no query is behind the last key
            span = self.keys - self.queries + _least(last * BLOCK, self.queries) + after
        return _least(span, self.keys)

    def _block(self, index: Any, span: Any) -> tuple[_Whole, Any, Any]:
        """A block, the number of its first query, and of the first key that it may see."""
        start, low = ops.minimum(index * BLOCK, self.queries - BLOCK), 0
        if self.window.before is not None:
            first = ops.cast(ops.take(self.window.columns, start), start.dtype)
            low = ops.clip(first - self.window.before, 0, self.keys - span)
        query, key, value, visible, scoring = self.whole
        block = _Whole(
            _rows(query, start, BLOCK),
            _rows(key, low, span),
            _rows(value, low, span),
            visible.part(start, BLOCK, low, span),
            scoring.of_block(index + 1),
        )
        return block, start, low


def _are_known(*sizes: Any) -> bool:
    """Whether sizes are ints, not tensors of a graph that is to run."""
    return all(isinstance(size, int) for size in sizes)


def _least(*sizes: Any) -> Any:
    """The smaller of two sizes, an int where both are known."""
    return min(sizes) if _are_known(*sizes) else ops.minimum(*sizes)


def _most(*sizes: Any) -> Any:
    """The larger of two sizes, an int where both are known."""
    return max(sizes) if _are_known(*sizes) else ops.maximum(*sizes)


def _cut(mask: Any, axis: int, start: Any, count: Any) -> Any:
    """The mask of some queries, or keys; that which is for all of them is for these."""
    if mask is None or mask.shape[axis] == 1:
        return mask
    starts, sizes = [0] * 4, [*ops.shape(mask)]
    if not isinstance(sizes[axis], int):
        start, count = ops.where(sizes[axis] == 1, 0, start), ops.minimum(sizes[axis], count)
    starts[axis], sizes[axis] = start, count
    return ops.slice(mask, starts, sizes)


def _rows(x: Any, start: Any, count: Any) -> Any:
    """So many rows (of the third axis) from `start` on."""
    batch, heads, _, width = ops.shape(x)
    return ops.slice(x, (0, 0, start, 0), (batch, heads, count, width))


def _added(x: Any, start: Any, rows: Any) -> Any:
    """`x`, in float32, with rows added to its own from `start` on."""
    there = _rows(x, start, ops.shape(rows)[2])
    return ops.slice_update(x, (0, 0, start, 0), there + ops.cast(rows, x.dtype))


def _turned(x: Any) -> Any:
    return ops.swapaxes(x, -1, -2)

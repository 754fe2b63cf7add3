"""The base of all masks, and how masks combine to expressions."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from tftransformer.core import Configurable, register

# What the entries of a mask context are, for the error that asks for a missing one.
_ENTRIES = {
    "query_positions": "int tensor (queries,) or (batch, queries), absolute positions",
    "key_positions": "int tensor (keys,) or (batch, keys), absolute positions",
    "padding_mask": "bool tensor (batch, keys), True = a real token",
    "query_documents": "int tensor (batch, queries), the document each query belongs to",
    "key_documents": "int tensor (batch, keys), the document each key belongs to",
    "prefix_lengths": "int tensor (batch,), the length of each row's prefix",
    "memory_lengths": "int tensor () or (batch,), how many memory positions are filled",
    "permutation": "int tensor (batch, length), the rank of each token in the order",
}


class Reach(NamedTuple):
    """The keys from `low` up to and including `high`, as absolute positions; None = no bound.

    Bounds are ints where they depend on positions alone, scalar tensors where they depend on
    tensors of the context.
    """

    low: Any = None
    high: Any = None

    def __and__(self, other: "Reach") -> "Reach":
        return Reach(
            _bound(max, ops.maximum, self.low, other.low, either=True),
            _bound(min, ops.minimum, self.high, other.high, either=True),
        )

    def __or__(self, other: "Reach") -> "Reach":
        return Reach(
            _bound(min, ops.minimum, self.low, other.low, either=False),
            _bound(max, ops.maximum, self.high, other.high, either=False),
        )


def _bound(of_ints: Callable, of_tensors: Callable, a: Any, b: Any, either: bool) -> Any:
    """One bound of two; where a side has none, that of the other side or none."""
    if a is None or b is None:
        return (b if a is None else a) if either else None
    return (of_ints if isinstance(a, int) and isinstance(b, int) else of_tensors)(a, b)


class _MissingEntryError(KeyError):
    """An entry that a mask reads is not in its context."""


class _Context(dict):
    """A mask context that tells its own missing entries from a KeyError of the user's code."""

    def __missing__(self, entry: str) -> None:
        raise _MissingEntryError(entry)


class Mask(Configurable):
    """Says which query may see which key: stateless, serialisable, evaluated late.

    A mask knows nothing of shapes or batches. It is evaluated on a *context*, a plain dict of
    tensors: `query_positions` and `key_positions` are absolute, so the same mask serves training,
    one step of cached decoding (`query_positions=[t]`) and segment memory (key positions −M…−1).
    True always means *may attend*.

    Masks combine with `&`, `|` and `~` into an expression that prints, compares and hashes as it
    was written. Your own mask defines `visible`, and is registered so that it can be saved:

    >>> @register
    ... class EveryOtherMask(Mask):
    ...     def visible(self, context):
    ...         query, key = context["query_positions"], context["key_positions"]
    ...         return (query[..., :, None] - key[..., None, :]) % 2 == 0
    >>> EveryOtherMask() & tt.CausalMask()
    EveryOtherMask() & CausalMask()
    """

    # How tightly an expression binds, as in Python: ~ 3, & 2, | 1; a leaf never needs brackets.
    precedence = 4
    # Whether it reads the numbers of tokens, and not only how far they stand apart. Under padding
    # on the left it is then given (batch, queries) and (batch, keys), numbers in the row.
    counts_tokens = False
    # What it reads of the context that comes with the inputs of a model, by name.
    entries: tuple[str, ...] = ()

    @property
    def reads_positions(self) -> bool:
        """Whether it compares positions, and also takes them as (batch, queries) and (batch, keys).

        In cross-attention, positions are then the numbers of the tokens in their own texts. Your
        own class sets `reads_positions = True`; otherwise it is given column numbers.
        """
        return self.counts_tokens

    def visible(self, context: Mapping[str, Any]) -> Any:
        """Returns a bool tensor broadcastable to (batch, queries, keys), True = may attend.

        Rank 2 is (queries, keys), rank 3 (batch, queries, keys), rank 4 (batch, heads, queries,
        keys).
        """
        raise NotImplementedError(f"{type(self).__name__} must define visible(context)")

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> "Reach":
        """Returns the range of keys that a stretch of queries can see at most; by default all.

        Args:
            first: int, the smallest absolute position of the queries.
            last: int, the largest.
            context: the mask context, for bounds that depend on it; without it they are left open.
        """
        return Reach()

    @property
    def is_causal(self) -> bool:
        """Whether it is known that no query sees a key after itself."""
        high = self.reach(0, 0).high
        return high is not None and high <= 0

    def __call__(self, context: Mapping[str, Any]) -> Any:
        """Evaluates the mask.

        Args:
            context: dict of tensors by name.

        Returns:
            bool tensor broadcastable to (batch, heads, queries, keys).

        Raises:
            ValueError: if an entry that the mask reads is not in the context.
            TypeError: if the mask returns numbers instead of True and False.
        """
        try:
            visible = self.visible(_Context(context))
        except _MissingEntryError as missing:
            entry = missing.args[0]
            meaning = _ENTRIES.get(entry, "a tensor that this mask reads")
            raise ValueError(
                f"{self!r} needs {entry!r} in the mask context, which holds "
                f"{sorted(context)}. Supply it: context={{{entry!r}: …}}, {meaning}."
            ) from missing
        if visible is not None:
            visible = ops.convert_to_tensor(visible)
        dtype = None if visible is None else keras.backend.standardize_dtype(visible.dtype)
        if dtype != "bool":
            raise TypeError(
                f"{self!r} returned {dtype}, and visible() returns bool, True = may attend: "
                "compare, as in `key <= query`; numbers to add to the scores (0 and -1e9) are "
                "`numbers == 0`."
            )
        return with_heads(visible)

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} is neither true nor false. Masks combine with &, | and ~; `and`, `or` and "
            "`not` would drop a side in silence. To ask whether there is a mask: `mask is None`."
        )

    def __and__(self, other: "Mask") -> "Mask":
        return And(self, other)

    def __or__(self, other: "Mask") -> "Mask":
        return Or(self, other)

    def __invert__(self) -> "Mask":
        return Not(self)

    def _identity(self) -> tuple:
        return (type(self), *((name, _frozen(given)) for name, given in self._arguments.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"{type(self).__name__}({arguments})"


def _frozen(value: Any) -> Any:
    """An argument of a mask as something that can be hashed; a list equals a tuple."""
    if isinstance(value, Mapping):
        return tuple(sorted((name, _frozen(item)) for name, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(_frozen, value))
    if hasattr(value, "tobytes"):  # an array, of numpy or a number of it
        return (str(value.dtype), tuple(value.shape), value.tobytes())
    try:
        hash(value)
    except TypeError:
        return _ById(value)
    return value


class _ById(NamedTuple):
    """Something that cannot be hashed: equal to itself alone."""

    held: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def paired(query: Any, key: Any) -> tuple[Any, Any]:
    """Returns numbers of queries and of keys so that each query meets each key.

    Args:
        query: int tensor (..., queries).
        key: int tensor (..., keys).

    Returns:
        int tensors (..., queries, 1) and (..., 1, keys).
    """
    return ops.expand_dims(query, -1), ops.expand_dims(key, -2)


def with_heads(mask: Any) -> Any:
    """Returns a mask that broadcasts to (batch, heads, queries, keys).

    Args:
        mask: tensor (queries, keys), (batch, queries, keys), as Keras has it, or (batch, heads,
            queries, keys).
    """
    rank = len(mask.shape)
    if rank == 2:
        return mask[None, None]
    if rank == 3:
        return mask[:, None]
    if rank == 4:
        return mask
    raise ValueError(
        f"a mask is (queries, keys), (batch, queries, keys) or (batch, heads, queries, keys), not "
        f"of shape {tuple(mask.shape)}."
    )


def as_bool(mask: Any, name: str = "a mask") -> Any:
    """Returns a mask as a bool tensor, True = may attend, a real token.

    Args:
        mask: tensor of bool, or of the numbers 1 and 0.
        name: name of the mask, for the error message.

    Raises:
        TypeError: for negative floats, where values are known. Other libraries add such masks to
            the scores: there 0 means visible and -1e9 hidden, the opposite.
    """
    mask = ops.convert_to_tensor(mask)
    if "float" not in keras.backend.standardize_dtype(mask.dtype):
        return ops.cast(mask, "bool")
    try:
        negative = bool((ops.convert_to_numpy(mask) < 0).any())
    except Exception:  # within a graph there are no values yet
        negative = False
    if negative:
        raise TypeError(
            f"{name} holds negative floats: expected bool, or 1 and 0, True = may attend. Numbers "
            "to add to the scores (0 and -1e9) become a mask by `numbers == 0`."
        )
    return mask > 0


def check_mask(mask: Any, name: str = "mask") -> "Mask":
    """Returns the mask, or raises a TypeError for anything else."""
    if isinstance(mask, Mask):
        return mask
    if isinstance(mask, type) and issubclass(mask, Mask):
        raise TypeError(f"{name} is the class {mask.__name__}: give an object, {mask.__name__}().")
    raise TypeError(
        f"{name}={mask!r} is no mask: expected an expression such as CausalMask() & PaddingMask() "
        "(tftransformer.masks). A tensor goes in with TensorMask() and the context."
    )


def _operand(mask: Mask, binds_at_least: int) -> str:
    return repr(mask) if mask.precedence >= binds_at_least else f"({mask!r})"


class _Pair(Mask):
    """Two masks under one operator."""

    sign: str

    def __init__(self, left: Mask, right: Mask):
        for side in (left, right):
            if not isinstance(side, Mask):
                raise TypeError(f"a mask combines with masks, not with {side!r}")
        self.left, self.right = left, right

    @property
    def counts_tokens(self) -> bool:  # type: ignore[override] # as its parts do
        return self.left.counts_tokens or self.right.counts_tokens

    @property
    def reads_positions(self) -> bool:
        return self.left.reads_positions or self.right.reads_positions

    def __repr__(self) -> str:
        # Left-associative, as Python reads it: a right operand of the same sign keeps brackets.
        left = _operand(self.left, self.precedence)
        return f"{left} {self.sign} {_operand(self.right, self.precedence + 1)}"


@register
class And(_Pair):
    """Visible where both masks allow it; written `left & right`."""

    precedence, sign = 2, "&"

    def visible(self, context: Mapping[str, Any]) -> Any:
        return ops.logical_and(self.left(context), self.right(context))

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        return self.left.reach(first, last, context) & self.right.reach(first, last, context)


@register
class Or(_Pair):
    """Visible where at least one of the masks allows it; written `left | right`."""

    precedence, sign = 1, "|"

    def visible(self, context: Mapping[str, Any]) -> Any:
        return ops.logical_or(self.left(context), self.right(context))

    def reach(self, first: Any, last: Any, context: Mapping[str, Any] | None = None) -> Reach:
        return self.left.reach(first, last, context) | self.right.reach(first, last, context)


@register
class Not(Mask):
    """Visible exactly where the mask hides; written `~mask`."""

    precedence = 3

    def __init__(self, mask: Mask):
        if not isinstance(mask, Mask):
            raise TypeError(f"~ takes a mask, not {mask!r}")
        self.mask = mask

    @property
    def counts_tokens(self) -> bool:  # type: ignore[override] # as its part does
        return self.mask.counts_tokens

    @property
    def reads_positions(self) -> bool:
        return self.mask.reads_positions

    def visible(self, context: Mapping[str, Any]) -> Any:
        return ops.logical_not(self.mask(context))

    def __repr__(self) -> str:
        return f"~{_operand(self.mask, self.precedence)}"

"""The mask expression: what every mask class is, and how masks combine."""

from collections.abc import Mapping
from typing import Any

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
    "permutation": "int tensor (batch, length), the rank of each position in the order",
}


class Mask(Configurable):
    """Says which query may see which key: stateless, serialisable, evaluated late.

    A mask knows nothing of shapes or batches. It is asked with a *context*, a plain dict of
    tensors: `query_positions` and `key_positions` are absolute, so the same mask serves
    training, one step of cached decoding (`query_positions=[t]`) and segment memory (key
    positions −M…−1). True always means *may attend*.

    Masks combine with `&`, `|` and `~` to an expression that prints, compares and hashes as it
    was written. A mask of one's own defines `visible`, and is registered to be saved:

    >>> @register
    ... class EveryOtherMask(Mask):
    ...     def visible(self, context):
    ...         query, key = context["query_positions"], context["key_positions"]
    ...         return (query[..., :, None] - key[..., None, :]) % 2 == 0
    >>> EveryOtherMask() & CausalMask()
    EveryOtherMask() & CausalMask()
    """

    # How tightly an expression binds, as in Python: ~ 3, & 2, | 1; a leaf never needs brackets.
    precedence = 4

    def visible(self, context: Mapping[str, Any]) -> Any:
        """Returns a bool tensor broadcastable to (batch, queries, keys), True = may attend.

        Rank 2 is (queries, keys), rank 3 (batch, queries, keys), rank 4 (batch, heads, queries,
        keys).
        """
        raise NotImplementedError(f"{type(self).__name__} must define visible(context)")

    def __call__(self, context: Mapping[str, Any]) -> Any:
        """Evaluates the mask.

        Args:
            context: dict of tensors by name.

        Returns:
            bool tensor broadcastable to (batch, heads, queries, keys).

        Raises:
            ValueError: if an entry that the mask reads is not in the context.
        """
        try:
            visible = ops.convert_to_tensor(self.visible(context))
        except KeyError as missing:
            entry = missing.args[0]
            meaning = _ENTRIES.get(entry, "a tensor that this mask reads")
            raise ValueError(
                f"{self!r} needs {entry!r} in the mask context, which holds "
                f"{sorted(context)}. Supply it: context={{{entry!r}: …}}, {meaning}."
            ) from missing
        if len(visible.shape) == 2:
            return visible[None, None]
        if len(visible.shape) == 3:
            return visible[:, None]
        return visible

    def __and__(self, other: "Mask") -> "Mask":
        return And(self, other)

    def __or__(self, other: "Mask") -> "Mask":
        return Or(self, other)

    def __invert__(self) -> "Mask":
        return Not(self)

    def _identity(self) -> tuple:
        return (type(self), *self._arguments.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"{type(self).__name__}({arguments})"


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

    def __repr__(self) -> str:
        # Left-associative, as Python reads it: a right operand of the same sign keeps brackets.
        left = _operand(self.left, self.precedence)
        return f"{left} {self.sign} {_operand(self.right, self.precedence + 1)}"


@register
class And(_Pair):
    """Visible where both masks allow it; written `left & right`."""

    precedence, sign = 2, "&"

    def visible(self, context):
        return ops.logical_and(self.left(context), self.right(context))


@register
class Or(_Pair):
    """Visible where at least one of the masks allows it; written `left | right`."""

    precedence, sign = 1, "|"

    def visible(self, context):
        return ops.logical_or(self.left(context), self.right(context))


@register
class Not(Mask):
    """Visible exactly where the mask forbids it; written `~mask`."""

    precedence = 3

    def __init__(self, mask: Mask):
        if not isinstance(mask, Mask):
            raise TypeError(f"~ takes a mask, not {mask!r}")
        self.mask = mask

    def visible(self, context):
        return ops.logical_not(self.mask(context))

    def __repr__(self) -> str:
        return f"~{_operand(self.mask, self.precedence)}"

"""What an attention layer keeps between calls: nothing, a cache, or a fixed memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keras import ops

Project = Callable[[], tuple[Any, Any]]


class AttentionState:
    """A slot that a call of an attention layer writes to: in this base class only its weights.

    Layers return one tensor. Anything else that a caller wants passes through a state, which the
    caller makes, hands in and reads within the same trace.

    Attributes:
        wants_weights: whether to store the weights: True for a plain slot, False for a cache unless
            set.
        weights: after a call, float32 (batch, heads, queries, keys), or None if they were not
            wanted.
        new_keys_at: the entry of the context that holds the positions of the projected keys.
        rows_per_source: how many rows of queries there are for each row of keys.
    """

    wants_weights = True
    weights: Any = None
    new_keys_at = "key_positions"
    rows_per_source = 1

    @property
    def holds_keys(self) -> bool:
        """Whether it holds keys before anything is projected."""
        return False

    def extend(self, project: Project) -> tuple[Any, Any]:
        """Returns keys and values to attend to, (batch, key/value heads, keys, head width) each.

        Args:
            project: computes the keys and values of the layer's present input.
        """
        return project()


class KeyValueCache(AttentionState):
    """Self-attention over all tokens so far, in buffers of fixed length.

    Args:
        key: float tensor (batch, heads, slots, head width).
        value: float tensor (batch, heads, slots, head width).
        position: int, scalar: how many slots are filled already.
        order: int tensor (batch, slots), or None: the order of the slots after the new tokens were
            written. With it a memory is moved past the padding, next to the first token of its row.
    """

    wants_weights = False
    # `key_positions` are those of the whole buffer; the new tokens are the queries themselves.
    new_keys_at = "query_positions"
    holds_keys = True

    def __init__(self, key: Any, value: Any, position: Any, order: Any = None):
        self.key, self.value, self.position, self.order = key, value, position, order

    def extend(self, project: Project) -> tuple[Any, Any]:
        key, value = project()
        self.key, self.value = self._written(self.key, key), self._written(self.value, value)
        return self.key, self.value

    def _written(self, buffer: Any, new: Any) -> Any:
        buffer = self._joined(buffer, ops.cast(new, buffer.dtype))
        if self.order is None:
            return buffer
        return ops.take_along_axis(buffer, self.order[:, None, :, None], axis=2)

    def _joined(self, buffer: Any, new: Any) -> Any:
        return ops.slice_update(buffer, (0, 0, self.position, 0), new)


class GrowingKeyValue(KeyValueCache):
    """Self-attention over all tokens so far, in buffers that are as long as there are tokens.

    There are no empty slots for queries to look at or for beams to carry along, so it is faster
    than a buffer of the full length. The shapes change from call to call, which XLA and JAX do not
    allow.
    """

    def _joined(self, buffer: Any, new: Any) -> Any:
        return ops.concatenate([buffer, new], axis=2)


class FixedKeyValue(AttentionState):
    """Cross-attention to an input that does not change: projected once, then kept.

    Args:
        key: float tensor (batch, heads, keys, head width), or None before the first call.
        value: float tensor (batch, heads, keys, head width), or None.
        rows_per_source: how many rows in succession attend to one row of keys: its beams.
    """

    wants_weights = False

    def __init__(self, key: Any = None, value: Any = None, rows_per_source: int = 1):
        self.key, self.value, self.rows_per_source = key, value, rows_per_source

    @property
    def holds_keys(self) -> bool:
        return self.key is not None

    def extend(self, project: Project) -> tuple[Any, Any]:
        if self.key is None:
            self.key, self.value = project()
        return self.key, self.value


@dataclass
class LayerState:
    """The slots of one layer of a stack.

    Attributes:
        self_attention: the slot of its self-attention.
        cross_attention: the slot of its cross-attention, where it has one.
    """

    self_attention: AttentionState = field(default_factory=AttentionState)
    cross_attention: AttentionState = field(default_factory=AttentionState)


class StackState:
    """What a stack keeps or reports besides its output.

    Args:
        layers: the slots of each layer.
        position: int, scalar: how many slots of the caches are filled; 0 without caches.
        length: how many slots the caches have, the new tokens included; None without caches.
        memory: how many of the first slots hold the memory of earlier segments.
        leading: int tensor (batch,), or None: how many of the token slots at the start of each row
            are padding: token 0 of the row comes after them, and no query sees them. None: every
            slot counts as a token.

    Attributes:
        hidden_states: after a call, the embedding output and the output of each layer,
            (batch, length, d_model) each.
    """

    def __init__(
        self,
        layers: list[LayerState],
        position: Any = 0,
        length: Any = None,
        memory: Any = 0,
        leading: Any = None,
    ):
        self.layers, self.position, self.length = layers, position, length
        self.memory, self.leading = memory, leading
        self.hidden_states: list[Any] = []

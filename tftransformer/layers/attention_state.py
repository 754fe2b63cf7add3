"""What an attention layer keeps between calls: nothing, a cache, or a fixed memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keras import ops

Project = Callable[[], tuple[Any, Any]]


class AttentionState:
    """A slot that one call of an attention layer writes to; here: its weights alone.

    Layers return one tensor. What else a caller wants goes through a state that the caller
    makes, hands in and reads out again within the same trace.

    Attributes:
        wants_weights: whether the weights are asked for: by a plain slot they are, by a cache not
            unless this is set.
        weights: after a call, float32 (batch, heads, queries, keys), or None if not asked for.
        new_keys_at: the entry of the context that says where the projected keys stand.
        copies: how many rows of queries there are for each row of keys.
    """

    wants_weights = True
    weights: Any = None
    new_keys_at = "key_positions"
    copies = 1

    def extend(self, project: Project) -> tuple[Any, Any]:
        """Returns keys and values to attend to, (batch, key/value heads, keys, head width) each.

        Args:
            project: computes the keys and values of the layer's present input.
        """
        return project()


class KeyValueCache(AttentionState):
    """Self-attention over all tokens so far, in buffers of a static length.

    Args:
        key: float tensor (batch, heads, length, head width).
        value: float tensor (batch, heads, length, head width).
        position: int, scalar: how many tokens the buffers hold already.
    """

    wants_weights = False
    # `key_positions` are those of the whole buffer; the new tokens are the queries themselves.
    new_keys_at = "query_positions"

    def __init__(self, key: Any, value: Any, position: Any):
        self.key, self.value, self.position = key, value, position

    def extend(self, project):
        key, value = project()
        start = (0, 0, self.position, 0)
        self.key = ops.slice_update(self.key, start, ops.cast(key, self.key.dtype))
        self.value = ops.slice_update(self.value, start, ops.cast(value, self.value.dtype))
        return self.key, self.value


class GrowingKeyValue(KeyValueCache):
    """Self-attention over all tokens so far, in buffers that are as long as there are tokens.

    No query looks at empty places, and no beam carries them along: faster than a buffer of the
    greatest length. The shapes change from call to call, which XLA and JAX do not allow.
    """

    def extend(self, project):
        key, value = project()
        self.key = ops.concatenate([self.key, ops.cast(key, self.key.dtype)], axis=2)
        self.value = ops.concatenate([self.value, ops.cast(value, self.value.dtype)], axis=2)
        return self.key, self.value


class FixedKeyValue(AttentionState):
    """Cross-attention to an input that does not change: projected once, then kept.

    Args:
        key: float tensor (batch, heads, keys, head width), or None before the first call.
        value: float tensor (batch, heads, keys, head width), or None.
        copies: how many rows in succession attend to one row of keys, such as its beams.
    """

    wants_weights = False

    def __init__(self, key: Any = None, value: Any = None, copies: int = 1):
        self.key, self.value, self.copies = key, value, copies

    def extend(self, project):
        if self.key is None:
            self.key, self.value = project()
        return self.key, self.value


@dataclass
class LayerState:
    """The slots of one layer of a stack.

    Attributes:
        self_attention: of its self-attention.
        cross_attention: of its cross-attention, where it has one.
    """

    self_attention: AttentionState = field(default_factory=AttentionState)
    cross_attention: AttentionState = field(default_factory=AttentionState)


class StackState:
    """What a stack keeps or reports besides its output.

    Args:
        layers: the slots of each layer.
        position: int, scalar: how many tokens the caches hold already; 0 without caches.
        length: how many keys the caches have room for; None without caches.

    Attributes:
        hidden_states: after a call, the embedding output and the output of each layer,
            (batch, length, d_model) each.
    """

    def __init__(self, layers: list[LayerState], position: Any = 0, length: int | None = None):
        self.layers, self.position, self.length = layers, position, length
        self.hidden_states: list[Any] = []

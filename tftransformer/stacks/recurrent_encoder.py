"""RecurrentEncoder."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.layers import StackState
from tftransformer.masks import CausalMask, Mask, MemoryMask
from tftransformer.stacks.encoder import Encoder, Masks, implicit_padding_mask
from tftransformer.stacks.token_numbers import (
    behind_padding,
    numbered_columns,
    rows_in_order,
)


@register
class RecurrentEncoder(Encoder):
    """A stack that also attends to a memory of earlier segments (Dai et al. 2019, §3.2).

    The memory of a layer holds the layer's own inputs for the tokens before the segment. Masks and
    scorers see it at the positions −M…−1; the segment itself starts at 0. If a row begins with
    padding, the memory comes after the padding: keys, and so attention weights, are in the order
    padding, memory, tokens. Tokens in a cache belong to the segment: a step of decoding continues
    their numbering.

    Args:
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        memory_length: how many positions `update_memory` keeps; None = all.
        reuse_length: how many positions from the start of a segment enter the memory; None = all.
        mask: attention mask; default `CausalMask() & MemoryMask()`.
        **options: arguments of `Encoder` and, for each layer, of `EncoderLayer`.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        memory_length: int | None = None,
        reuse_length: int | None = None,
        mask: Masks = None,
        **options: Any,
    ):
        super().__init__(num_layers, d_model, num_heads, dff, mask=mask, **options)
        self.memory_length, self.reuse_length = memory_length, reuse_length

    def default_mask(self) -> Mask:
        return CausalMask() & MemoryMask()

    def call(  # type: ignore[override] # with inputs of its own
        self,
        inputs: Any,
        padding_mask: Any = None,
        memory: Sequence[Any] | None = None,
        context: Mapping[str, Any] | None = None,
        state: StackState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the stack over one segment.

        Args:
            inputs: int ids (batch, length), or float vectors (batch, length, d_model) where the
                stack has no embeddings.
            padding_mask: bool tensor (batch, length), True = a real token, as in `Encoder.call`.
            memory: for each layer a float tensor (batch, M, d_model); None = there is none.
            context: further entries for the mask; `memory_lengths`, int () or (batch,), if the
                memory is only partly filled (tokens in caches do not count).
            state: slots for hidden states, attention weights and caches. Caches also hold the
                memory: `state.memory` is its length, which `state.position` includes.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model), in the compute dtype. `update_memory` makes the
            next memory from `state.hidden_states`.
        """
        context = self.mask_context(inputs, padding_mask, context, state, memory)
        return self._run(
            inputs,
            state,
            training,
            memory=memory,
            masks=self.masks,
            context=context,
        )

    def mask_context(
        self,
        inputs: Any,
        padding_mask: Any = None,
        context: Any = None,
        state: Any = None,
        memory: Any = None,
    ) -> Any:
        if state is not None and state.length is not None:
            cached = super().mask_context(inputs, padding_mask, None, state)
            context = dict(context or {})
            start = state.position - state.memory
            if state.leading is not None:
                start = ops.maximum(start - state.leading, 0)
            # Each step is a segment of its own, which sees as far back as the memory reaches.
            filled = context.pop("memory_lengths", state.memory) + start
            if self.memory_length:  # the first segment sees all of the memory it is given
                kept = ops.minimum(filled, self.memory_length)
                filled = ops.where(start > 0, kept, filled)
            cached["segment_start"] = ops.convert_to_tensor(start, "int32")
            cached["memory_lengths"] = ops.convert_to_tensor(filled, "int32")
            return {**cached, **context}
        past = 0 if memory is None else ops.shape(memory[0])[1]
        numbered = numbered_columns(ops.shape(inputs)[1], memory=past)
        if padding_mask is None:
            padding_mask = self.compute_mask(inputs, implicit_padding_mask(inputs))
        order: dict[str, Any] = {}
        if padding_mask is None:
            real = ops.ones_like(numbered["key_positions"], dtype="bool")[None]
        else:
            real = behind_memory(padding_mask, past)
            if memory is not None:
                order = behind_padding(real, numbered["key_positions"])
        return {
            **numbered,
            **order,
            "padding_mask": real,
            "memory_lengths": ops.convert_to_tensor(past, "int32"),
            **(context or {}),
        }

    def _run_layer(self, index: Any, x: Any, slot: Any, memory: Any = None, **given: Any) -> Any:
        order = given["context"].get("key_order")
        value = None if memory is None else joined(memory, index, x, order)
        return super()._run_layer(index, x, slot, value=value, **given)

    def update_memory(
        self,
        hidden_states: Sequence[Any],
        memory: Sequence[Any] | None = None,
        padding_mask: Any = None,
    ) -> list[Any]:
        """Returns the memory for the next segment; gradients do not flow through it.

        Args:
            hidden_states: the inputs of the layers, (batch, length, d_model) each; any that follow
                are ignored.
            memory: the memory that this segment was given.
            padding_mask: bool tensor (batch, length), True = a real token: padding before the first
                one is moved before the older memory; None: all are real.
        """
        kept, order = [], None
        if memory is not None and padding_mask is not None:
            past = ops.shape(memory[0])[1]
            real = behind_memory(padding_mask[:, : self.reuse_length], past)
            order = behind_padding(real, ops.arange(ops.shape(real)[1]) - past).get("key_order")
        for index in range(len(self.layers)):
            segment = hidden_states[index][:, : self.reuse_length]
            if memory is not None:
                segment = joined(memory, index, segment, order)
            if self.memory_length is not None:
                segment = segment[:, -self.memory_length or ops.shape(segment)[1] :]
            kept.append(ops.stop_gradient(segment))
        return kept

    def memory_cache(
        self, memory: Sequence[Any], length: Any = None, leading: Any = None
    ) -> list[dict[str, Any]]:
        """Returns the buffers for decoding, as `empty_cache`, with the memory at their start.

        Args:
            memory: for each layer a float tensor (rows, M, d_model).
            length: how many slots the buffers have, M included; None = M.
            leading: int (rows,), padding before the first token of each row, or None: the memory
                will move up past it.
        """
        positions = ops.arange(-ops.shape(memory[0])[1], 0)
        if leading is not None:
            positions = positions + leading[:, None]
        caches = []
        for layer, past in zip(self.layers, memory, strict=True):
            past = layer.attention_residual.prepare(ops.cast(past, self.compute_dtype))
            pair = layer.attention.project_value(past, positions)
            if length is not None:
                room = ((0, 0), (0, 0), (0, length - ops.shape(past)[1]), (0, 0))
                pair = [ops.pad(projected, room) for projected in pair]
            caches.append(dict(zip(("key", "value"), pair, strict=True)))
        return caches


def joined(memory: Sequence[Any], index: int, segment: Any, order: Any = None) -> Any:
    """Returns the memory of layer `index` followed by the segment, in an order of the keys."""
    both = ops.concatenate([ops.cast(memory[index], segment.dtype), segment], axis=1)
    return both if order is None else rows_in_order(both, order)


def behind_memory(padding_mask: Any, past: Any) -> Any:
    """Returns the padding mask of a memory, all of it real, and the tokens behind it."""
    before = ops.ones((ops.shape(padding_mask)[0], past), dtype="bool")
    return ops.concatenate([before, ops.cast(padding_mask, "bool")], axis=1)

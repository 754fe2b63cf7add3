"""RecurrentModel."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.layers import KeyValueCache, LayerState, StackState
from tftransformer.models.headed_model import call_head
from tftransformer.models.stack_model import StackModel, check_room


class RecurrentModel(StackModel):
    """A stack with a memory of earlier segments, and heads: Transformer-XL and XLNet.

    Inputs are those of `StackModel`, and optionally: `memory`, for each layer a float tensor
    (batch, M, d_model), the output `memory` of the segment before; `memory_lengths`, int (batch,),
    how many of the M positions are filled, counted from their end (default: all).

    The outputs also hold `memory`: for each layer its last inputs, (batch, M, d_model).

    >>> model = tt.XLNet(vocab_size=100, num_layers=2, d_model=16, num_heads=2, dff=32)
    >>> text, memory = np.ones((1, 6), "int32"), None
    >>> for segment in np.split(text, 2, axis=1):
    ...     outputs = model({"token_ids": segment, "memory": memory})
    ...     memory = outputs["memory"]
    >>> memory[0].shape
    TensorShape([1, 6, 16])
    """

    def answer(self, inputs, heads, state=None, training=None):
        state = state or StackState([LayerState() for _ in self.stack.layers])
        inputs = self.complete(inputs)
        outputs = super().answer(inputs, heads, state, training)
        memory = self.stack.remember(state.hidden_states, inputs.get("memory"))
        return {**outputs, "memory": memory}

    def run_stack(
        self, inputs: Mapping[str, Any], state: StackState | None, training: bool | None
    ) -> Any:
        return self.stack(
            inputs["token_ids"], state=state, training=training, **self.given_to_stack(inputs)
        )

    def given_to_stack(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the stack is called with besides the ids, of completed inputs."""
        context = dict(inputs)
        del context["token_ids"]
        named = {name: context.pop(name, None) for name in ("padding_mask", "memory")}
        return {**named, "context": context}

    def start_decoding(self, inputs: Any, max_length: int, copies: int = 1, head: str = "lm"):
        """Returns what a decoding strategy steps with, to continue prompts.

        Each step sees as far back as the memory reaches, or all there is if the model keeps none.
        Padding of a prompt is a token like others where the mask does not hide it, as the one of
        `TransformerXL` does not.

        Args:
            inputs: the prompts, inputs of the class: ids, and optionally `padding_mask` and
                `memory`.
            max_length: how many tokens, the prompt included, the cache can hold.
            copies: rows for each prompt: the number of beams.
            head: the head that gives the logits.

        Returns:
            `step` and the first `cache`. `step(ids, cache, position)` takes int ids
            (batch · copies, new tokens), the cache, and how many tokens it holds, and returns the
            logits (batch · copies, vocabulary) after the last of them and the new cache.
        """
        inputs = self.complete(inputs)

        def rows_of(x: Any) -> Any:
            return ops.repeat(x, copies, axis=0) if copies > 1 else x

        mask, memory = rows_of(inputs["padding_mask"]), inputs.get("memory")
        rows, prompt = ops.shape(mask)
        check_room(prompt, max_length, self.stack.embeddings)
        if memory is None:
            past, cache = 0, self.stack.empty_cache(rows, max_length)
        else:
            past = ops.shape(memory[0])[1]
            cache = self.stack.memory_cache([rows_of(x) for x in memory], past + max_length)
        mask = ops.pad(
            ops.cast(mask, "int32"), ((0, 0), (past, max_length - prompt)), constant_values=1
        )
        filled = rows_of(inputs["memory_lengths"]) if "memory_lengths" in inputs else past

        def step(ids, cache, position):
            slots = [LayerState(KeyValueCache(**own, position=past + position)) for own in cache]
            state = StackState(slots, position=past + position, length=past + max_length)
            limit = self.stack.memory_length or past + max_length
            context = {"memory_lengths": ops.minimum(filled + position, limit)}
            hidden = self.run_step(ids, mask, context, state)
            caches = [slot.self_attention for slot in state.layers]
            logits = call_head(self.heads[head], hidden[:, -1], {}, False)
            return logits, [{"key": cache.key, "value": cache.value} for cache in caches]

        step.max_length = max_length
        return step, cache

    def run_step(self, ids: Any, padding_mask: Any, context: dict[str, Any], state: StackState):
        """Runs the stack on new tokens: what the head reads ends the result (rows, …, d_model)."""
        return self.stack(ids, padding_mask, context=context, state=state, training=False)

"""StackModel."""

from collections.abc import Iterable, Mapping
from typing import Any

from keras import ops

from tftransformer.layers import KeyValueCache, LayerState, StackState
from tftransformer.models.headed_model import HeadedModel, call_head, of_rows
from tftransformer.positions import token_positions
from tftransformer.stacks.encoder import EMBEDDED


class StackModel(HeadedModel):
    """One stack and any number of heads on it: what BERT, GPT and their kin share.

    A family makes `self.stack` in its constructor, then calls `make_heads`, then `build`.

    Inputs are int ids (batch, length), or a dict of them as `token_ids` with, optionally:
    `padding_mask`, bool, True = a real token (default: what the embeddings say of the ids, as a
    rule all but the pad id); `position_ids`, `segment_ids`, `language_ids`, int, all shaped as the
    ids; and whatever else the mask and the heads read. Multiple choice adds an axis: with ids
    (batch, choices, length) all entries have the axis `choices`, and all outputs too.

    Outputs are always a dict: `hidden`, float (batch, length, d_model), and each head's by name.

    Attributes:
        stack: the `Encoder`.
        heads: dict of the heads by name.
    """

    @property
    def d_model(self) -> int:
        """Width of the stack."""
        return self.stack.d_model

    def build(self, inputs_shape=None):
        self.stack.build((None, None))
        for head in self.heads.values():
            if not head.built:
                head.build((None, None, self.stack.d_model))

    def answer(
        self,
        inputs: Any,
        heads: Iterable[str],
        state: StackState | None = None,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """Runs the stack and some of its heads.

        Args:
            inputs: those of the class.
            heads: names of heads.
            state: slots for hidden states and attention weights.
            training: whether dropout is active.

        Returns:
            dict of `hidden` and the outputs of the heads.
        """
        inputs, choices = fold(self.complete(inputs))
        hidden = self.run_stack(inputs, state, training)
        outputs = {"hidden": hidden}
        for name in heads:
            outputs[name] = call_head(self.heads[name], hidden, inputs, training)
        return {name: unfold(output, choices) for name, output in outputs.items()}

    def complete(self, inputs: Any) -> dict[str, Any]:
        """Returns the inputs as a dict with `padding_mask` and, if need be, `position_ids`."""
        inputs = dict(inputs) if isinstance(inputs, Mapping) else {"token_ids": inputs}
        if "token_ids" not in inputs:
            raise ValueError(f"the inputs lack 'token_ids'; they hold {sorted(inputs)}.")
        ids = inputs["token_ids"] = ops.convert_to_tensor(inputs["token_ids"])
        if len(ids.shape) not in (2, 3):
            raise ValueError(
                "token_ids must be int (batch, length), or (batch, choices, length), not of shape "
                f"{tuple(ids.shape)}; one text makes a batch of one: token_ids[None]."
            )
        mask = inputs.get("padding_mask")
        if mask is None:
            mask = self.stack.embeddings.compute_mask(ids)
        inputs["padding_mask"] = (
            ops.ones_like(ids, "bool") if mask is None else ops.cast(mask, "bool")
        )
        return inputs

    def position_ids(self, token_ids: Any) -> Any:
        """Returns int (batch, length), where tokens stand, or None: in their columns."""
        return None

    def run_stack(
        self, inputs: Mapping[str, Any], state: StackState | None, training: bool | None
    ) -> Any:
        """Runs the stack on completed inputs without an axis of choices."""
        context = dict(inputs)
        ids, padding_mask = context.pop("token_ids"), context.pop("padding_mask")
        if "position_ids" not in context:
            position_ids = self.position_ids(ids)
            if position_ids is not None:
                context["position_ids"] = position_ids
        return self.stack(
            ids, padding_mask=padding_mask, context=context, state=state, training=training
        )

    def details(self, inputs: Any) -> dict[str, Any]:
        """Runs the model without dropout and returns what it computed on the way.

        Args:
            inputs: as in `call`.

        Returns:
            what `call` returns, and: `hidden_states`, a list of (batch, length, d_model), the
            embeddings first, the last one after the norm that ends the stack; `attentions`, for
            each layer a float32 tensor (batch, heads, queries, keys). With choices these two have
            them within the batch.
        """
        state = StackState([LayerState() for _ in self.stack.layers])
        outputs = self.answer(inputs, self.heads, state, training=False)
        last = ops.reshape(outputs["hidden"], ops.shape(state.hidden_states[-1]))
        return {
            **outputs,
            "hidden_states": [*state.hidden_states[:-1], last],
            "attentions": [slot.self_attention.weights for slot in state.layers],
        }

    def start_decoding(self, inputs: Any, max_length: int, copies: int = 1, head: str = "lm"):
        """Returns what a decoding strategy steps with, to continue prompts.

        The tokens of a prompt are numbered 0, 1, 2, … from its first real one, so padding on the
        left changes nothing where the mask hides padding (the one of a causal XLM does not). New
        tokens are of the segment and the language of the prompt's last.

        Args:
            inputs: the prompts, inputs of the class: ids and, optionally, `padding_mask`,
                `segment_ids` and `language_ids`, and what the mask reads of each row, (batch,),
                such as `prefix_lengths`.
            max_length: how many tokens, the prompt included, the cache can hold.
            copies: rows for each prompt: the number of beams.
            head: the head that gives the logits.

        Returns:
            `step` and the first `cache`. `step(ids, cache, position)` takes int ids
            (batch · copies, new tokens), the cache, and how many tokens it holds, and returns the
            logits (batch · copies, vocabulary) after the last of them and the new cache.
        """
        inputs = self.complete(inputs)
        mask = ops.repeat(inputs["padding_mask"], copies, axis=0)
        rows, prompt = ops.shape(mask)
        check_room(prompt, max_length, self.stack.embeddings)
        mask = ops.pad(mask, ((0, 0), (0, max_length - prompt)), constant_values=True)
        given = ops.minimum(ops.arange(max_length), prompt - 1)
        embedded = {
            name: ops.repeat(ops.take(ids, given, axis=1), copies, axis=0)
            for name, ids in inputs.items()
            if name in EMBEDDED
        }
        embedded["position_ids"] = ops.maximum(token_positions(mask), 0)
        constant = {
            name: ops.repeat(value, copies, axis=0) for name, value in of_rows(inputs).items()
        }

        def step(ids, cache, position):
            slots = [LayerState(KeyValueCache(**own, position=position)) for own in cache]
            state = StackState(slots, position=position, length=max_length)
            columns = position + ops.arange(ops.shape(ids)[1])
            now = {name: ops.take(ids, columns, axis=1) for name, ids in embedded.items()}
            context = {**constant, **now}
            hidden = self.stack(ids, mask, context=context, state=state, training=False)
            caches = [slot.self_attention for slot in state.layers]
            logits = call_head(self.heads[head], hidden[:, -1], {}, False)
            return logits, [{"key": cache.key, "value": cache.value} for cache in caches]

        step.max_length = max_length
        return step, self.stack.empty_cache(rows, max_length)


def check_room(prompt: Any, max_length: int, embeddings: Any) -> None:
    """Raises a ValueError where a prompt, or a text of `max_length` tokens, is too long."""
    if isinstance(prompt, int) and prompt > max_length:
        raise ValueError(
            f"the prompts have {prompt} columns and the cache room for {max_length}: raise "
            "max_length, which counts the prompt, too."
        )
    known = getattr(embeddings.position, "num_positions", None)
    if known is not None and max_length > known:
        raise ValueError(
            f"max_length={max_length} is more than the {known} positions of the model."
        )


def fold(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Moves an axis of choices into the batch; returns also (batch, choices), or None."""
    ids = inputs["token_ids"]
    if len(ids.shape) == 2:
        return inputs, None
    choices = ops.shape(ids)[:2]
    folded = {name: ops.reshape(x, (-1, *ops.shape(x)[2:])) for name, x in inputs.items()}
    return folded, choices


def unfold(output: Any, choices: Any) -> Any:
    """Gives an output back the axis that `fold` took."""
    if choices is None:
        return output
    return ops.reshape(output, (*choices, *ops.shape(output)[1:]))

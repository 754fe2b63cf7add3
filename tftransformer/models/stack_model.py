"""StackModel."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import require
from tftransformer.core.compiling import concrete
from tftransformer.layers import LayerState, StackState
from tftransformer.models.decoding_step import (
    DecodingModel,
    DecodingSettings,
    check_causal,
    prompts_of,
    repeated,
)
from tftransformer.models.exporting import ExportedByNames
from tftransformer.models.headed_model import HeadedModel, of_rows
from tftransformer.models.inputs import known_inputs
from tftransformer.stacks.cached_stack import CachedStack, goes_on
from tftransformer.stacks.encoder import EMBEDDED

# Names of Hugging Face, and ours.
ALIASES = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
    "langs": "language_ids",
}


class StackModel(ExportedByNames, DecodingModel, HeadedModel):
    """One stack and any number of heads on it: the base of BERT, GPT and similar models.

    A family makes `self.stack` in its constructor, then calls `make_heads`, then `build`.

    Inputs are int ids (batch, length), or a dict of them as `token_ids` with, optionally:
    `padding_mask`, bool, True = a real token (default: derived by the embeddings from the ids,
    usually all but the pad id); `position_ids`, `segment_ids`, `language_ids`, int, all of the
    shape of the ids; and whatever else the mask and the heads read. Hugging Face's names
    `input_ids`, `attention_mask` and `token_type_ids` are understood; an entry that nothing reads
    is an error. Multiple choice adds an axis: with ids (batch, choices, length), all entries and
    all outputs have the axis `choices`.

    Outputs are always a dict: `hidden`, float (batch, length, d_model), and the output of each head
        by its name.

    Attributes:
        stack: the `Encoder`.
        heads: dict of the heads by name.
        input_names: the inputs that the model itself reads; masks and heads may read more.
    """

    reads_prefix = True
    input_names: tuple[str, ...] = ("token_ids", "padding_mask", "position_ids", *EMBEDDED)

    @property
    def d_model(self) -> int:
        """Width of the stack."""
        return self.stack.d_model

    def build(self, inputs_shape: Any = None) -> None:
        self.stack.build((None, None))
        self.build_heads()

    def forward(
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
        inputs, choices = fold(self.with_defaults(inputs))
        hidden = self.run_stack(inputs, state, training)
        outputs = {"hidden": hidden}
        for name in heads:
            outputs[name] = self.head_output(name, hidden, inputs, training)
        return {name: unfold(output, choices) for name, output in outputs.items()}

    def with_defaults(self, inputs: Any) -> dict[str, Any]:
        """Returns the inputs as a dict with `padding_mask` and, if need be, `position_ids`."""
        inputs = self.named(inputs)
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

    def named(self, inputs: Any) -> dict[str, Any]:
        """Returns the inputs as a dict, by the names of this package; raises for unknown ones."""
        inputs = dict(inputs) if isinstance(inputs, Mapping) else {"token_ids": inputs}
        if not {"token_ids", "input_ids"} & inputs.keys():
            raise ValueError(f"the inputs lack 'token_ids'; they hold {sorted(inputs)}.")
        heads = self.heads.values()
        return known_inputs(inputs, self.input_names, ALIASES, self.stack.masks, heads)

    def position_ids(self, token_ids: Any) -> Any:
        """Returns position numbers, int (batch, length), or None for column numbers."""
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
            what `call` returns, and: `hidden_states`, a list of (batch, length, d_model), from the
            embeddings to the output of the stack, after its final norm; `attentions`, for each
            layer a float32 tensor (batch, heads, queries, keys). With choices these two have (batch
            · choices) rows.
        """
        state = StackState([LayerState() for _ in self.stack.layers])
        outputs = self.forward(inputs, self.heads, state, training=False)
        last = ops.reshape(outputs["hidden"], ops.shape(state.hidden_states[-1]))
        return {
            **outputs,
            "hidden_states": [*state.hidden_states[:-1], last],
            **self.weights_in(state),
        }

    def weights_in(self, state: StackState) -> dict[str, Any]:
        """Returns the attention weights that a state received, as `details` names them."""
        return {"attentions": [slot.self_attention.weights for slot in state.layers]}

    @property
    def pad_ids(self) -> dict[str, tuple[str, int | None]]:
        """For the input of ids the name of its mask, and the id of padding without a mask."""
        return {"token_ids": ("padding_mask", getattr(self.stack.embeddings, "pad_id", None))}

    @property
    def decoding_stack(self) -> Any:
        return self.stack

    def check_mask(self) -> None:
        """Raises a ValueError if the mask shows tokens that are not written yet."""
        check_causal(self.stack.masks, "mask")

    def decoding_inputs(self, inputs: Any, head: str) -> dict[str, Any]:
        """Returns the completed inputs with `prompt_mask`."""
        self.check_head(head)
        given = self.named(inputs)
        if ops.ndim(given["token_ids"]) != 2:
            raise ValueError("decoding takes token_ids (batch, length), without choices.")
        completed = self.with_defaults(given)
        position_ids = completed.get("position_ids")
        if position_ids is None:
            position_ids = self.position_ids(completed["token_ids"])
        kept = {
            name: completed[name]
            for name in ("token_ids", *EMBEDDED, "memory", "memory_lengths")
            if completed.get(name) is not None
        }
        if position_ids is not None:
            kept["position_ids"] = ops.cast(position_ids, "int32")
        kept |= of_rows(completed)
        kept = keras.tree.map_structure(ops.convert_to_tensor, kept)
        return {"prompt_mask": completed["padding_mask"], **kept}

    def read_prefix(self, inputs: Any) -> dict[str, Any]:
        """Reads, once, the tokens that many prompts begin with.

        Args:
            inputs: those of the class, of one row without padding: int ids (1, tokens).

        Returns:
            what `start_decoding` takes as `prefix`.

        Raises:
            ValueError: if there is not exactly one row, or the model always has a memory.

        >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
        >>> prompts = np.array([[5, 6, 7, 8], [5, 6, 7, 9]])
        >>> step = model.start_decoding(prompts, prefix=model.read_prefix([[5, 6, 7]]))
        >>> tt.Greedy()(step, prompts, max_new_tokens=3, end_id=-1, pad_id=0).ids.shape
        TensorShape([2, 1, 3])
        """
        ids = ops.convert_to_tensor(self.named(inputs)["token_ids"])
        if len(ids.shape) != 2 or ids.shape[0] != 1 or not ids.shape[1]:
            raise ValueError(
                f"a prefix is one row of ids, (1, tokens), not of shape {tuple(ids.shape)}."
            )
        require(self.reads_prefix, "model", self, "one that remembers its tokens alone")
        step = self.start_decoding(inputs, cache_length=ids.shape[1])
        _, cache = step(ids, step.cache, 0)
        return {"layers": cache["layers"], "token_ids": ops.cast(ids, "int32")}

    def check_prefix(self, inputs: Mapping[str, Any], prefix: Any) -> None:
        seen = sorted({*of_rows(inputs), "memory"} & inputs.keys())
        if seen:
            raise ValueError(
                f"what tokens of a prefix see depends on {seen}, which differ from prompt to "
                "prompt: leave the prefix out."
            )
        ids, mask = concrete(inputs["token_ids"]), concrete(inputs["prompt_mask"])
        known = concrete(prefix["token_ids"])
        if ids is None or mask is None or known is None:
            return
        size = known.shape[1]
        for row, is_token in zip(ids, mask, strict=True):
            tokens = row[is_token.astype(bool)]
            if len(tokens) <= size or (tokens[:size] != known[0]).any():
                raise ValueError(
                    f"a prompt does not begin with the {size} tokens of the prefix, or ends with "
                    f"them: {tokens.tolist()}."
                )

    def begin_decoding(
        self, inputs: Mapping[str, Any], settings: DecodingSettings
    ) -> tuple[Callable, Any]:
        """Returns the function of a step and its first cache."""
        prompts = prompts_of(inputs, settings)
        prefix = inputs.get("prefix")
        others = ("prompt_mask", "prefix")
        inputs = {name: value for name, value in inputs.items() if name not in others}
        inputs = repeated(inputs, settings.num_beams)
        of_prompt = {
            name: prompts.ordered(inputs[name])
            for name in ("position_ids", *EMBEDDED)
            if name in inputs
        }
        # A prompt is one document.
        one = {f"{side}_documents": ops.zeros((1, 1), "int32") for side in ("query", "key")}
        constant = {**of_rows(inputs), **one}
        cached = CachedStack(
            self.stack,
            prompts,
            settings.cache_length,
            inputs.get("memory"),
            settings.hidden,
        )

        def step(ids: Any, cache: Any, position: Any) -> Any:
            is_prompt = not goes_on(ids, position)
            ids = prompts.put_in_order(ids, position)
            if prefix is not None and is_prompt:
                ids, cache, position = cached.behind(prefix["layers"], ids, cache)

            def run(columns: Any, padding_mask: Any, state: Any) -> Any:
                now = {name: prompts.at(x, columns) for name, x in of_prompt.items()}
                behind = ops.maximum(columns - (prompts.width - 1), 0)
                if "position_ids" in now:
                    now["position_ids"] = now["position_ids"] + behind
                elif prompts.leading is not None:
                    now["position_ids"] = ops.maximum(columns - prompts.leading[:, None], 0)
                context = {**constant, **now}
                return self.run_step(ids, padding_mask, context, state)

            hidden, cache = cached.step(ids, cache, position, run)
            return self.head_output(settings.head, hidden[:, -1], {}, False), cache

        return step, cached.first_cache()

    def run_step(
        self, ids: Any, padding_mask: Any, context: dict[str, Any], state: StackState
    ) -> Any:
        """Runs the stack on new tokens: (rows, …, d_model), whose last vector is for the head."""
        return self.stack(ids, padding_mask, context=context, state=state, training=False)


def fold(inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
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

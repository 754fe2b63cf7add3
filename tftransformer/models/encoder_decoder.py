"""EncoderDecoder."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable
from tftransformer.layers import FixedKeyValue, LayerState, StackState
from tftransformer.models.decoding_step import (
    DecodingModel,
    DecodingSettings,
    check_causal,
    prompts_of,
    repeated,
)
from tftransformer.models.exporting import ExportedByNames
from tftransformer.models.headed_model import of_rows
from tftransformer.models.inputs import known_inputs
from tftransformer.stacks.cached_stack import CachedStack, Prompts

INPUT_NAMES = ("source_ids", "target_ids", "source_padding_mask", "target_padding_mask")
# Names of Hugging Face and KerasHub, and ours.
ALIASES = {
    "input_ids": "source_ids",
    "attention_mask": "source_padding_mask",
    "decoder_input_ids": "target_ids",
    "decoder_attention_mask": "target_padding_mask",
    "encoder_token_ids": "source_ids",
    "encoder_padding_mask": "source_padding_mask",
    "decoder_token_ids": "target_ids",
    "decoder_padding_mask": "target_padding_mask",
}


class EncoderDecoder(ExportedByNames, DecodingModel, Configurable, keras.Model):
    """Base of encoder-decoder models: how they run and decode.

    A subclass makes `encoder` and `decoder` in its constructor, sets `pad_id`, and ends the
    constructor with `self.build()`, since every width is then known. It defines `logits(hidden)`,
    the logits of the next tokens, and `named_outputs(inputs, encoder_state, decoder_state)`, what
    `call` returns, as a dict.
    """

    exported_inputs = ("source_ids", "target_ids")

    def build(self, inputs_shape: Any = None) -> None:
        self.encoder.build((None, None))
        self.decoder.build((None, None), (None, None, self.encoder.d_model))

    def run_stacks(
        self,
        inputs: Mapping[str, Any],
        encoder_state: StackState | None = None,
        decoder_state: StackState | None = None,
        context: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs both stacks; returns the output of the decoder (batch, target length, d_model)."""
        if isinstance(inputs, Mapping):
            inputs = self.named(inputs)
        source_ids, target_ids = self._ids(inputs)
        context = {**of_rows(inputs), **(context or {})}
        source_padding_mask = inputs.get("source_padding_mask")
        if source_padding_mask is None:
            source_padding_mask = self.source_padding_mask(source_ids)
        encoder_output = self.encoder(
            source_ids,
            padding_mask=source_padding_mask,
            context=context,
            state=encoder_state,
            training=training,
        )
        return self.decoder(
            target_ids,
            encoder_output,
            padding_mask=inputs.get("target_padding_mask"),
            encoder_padding_mask=source_padding_mask,
            context=context,
            cross_context=context,
            state=decoder_state,
            training=training,
        )

    @staticmethod
    def _ids(inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        try:
            source_ids, target_ids = inputs["source_ids"], inputs["target_ids"]
        except (KeyError, TypeError, IndexError):
            given = sorted(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
            raise ValueError(
                f"the inputs are a dict of 'source_ids' and 'target_ids', not {given}."
            ) from None
        _check_rank("source_ids", source_ids)
        _check_rank("target_ids", target_ids)
        return source_ids, target_ids

    def source_padding_mask(self, source_ids: Any) -> Any:
        """Returns bool (batch, source length), True = a real token."""
        return ops.not_equal(source_ids, self.pad_id)

    def details(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Runs the model without dropout and returns what it computed on the way.

        Args:
            inputs: as in `call`.

        Returns:
            dict of what `call` returns, a single tensor under the name `logits`;
            `encoder_hidden_states` and `decoder_hidden_states`, lists of (batch, length, d_model),
            from the embeddings to the output of the stack; `encoder_attentions`,
            `decoder_attentions` and `cross_attentions`, for each layer a float32 tensor (batch,
            heads, queries, keys).
        """
        if not self.built:
            self.build()
        states = [
            StackState([LayerState() for _ in stack.layers])
            for stack in (self.encoder, self.decoder)
        ]
        outputs = self.named_outputs(inputs, *states)
        encoder, decoder = states
        return {
            **outputs,
            "encoder_hidden_states": normed_at_the_end(self.encoder, encoder),
            "decoder_hidden_states": normed_at_the_end(self.decoder, decoder),
            "encoder_attentions": [slot.self_attention.weights for slot in encoder.layers],
            "decoder_attentions": [slot.self_attention.weights for slot in decoder.layers],
            "cross_attentions": [slot.cross_attention.weights for slot in decoder.layers],
        }

    @property
    def pad_ids(self) -> dict[str, tuple[str, int | None]]:
        """For each input of ids the name of its mask, and the id of padding without a mask."""
        return {
            "source_ids": ("source_padding_mask", self.pad_id),
            "target_ids": ("target_padding_mask", getattr(self.decoder.embeddings, "pad_id", None)),
        }

    @property
    def decoding_stack(self) -> Any:
        return self.decoder

    def check_mask(self) -> None:
        """Raises a ValueError if the decoder's mask shows tokens that are not written yet."""
        check_causal(self.decoder.masks, "decoder_mask")

    def decoding_inputs(self, inputs: Any, head: str) -> dict[str, Any]:
        """Returns the source, its mask, and what masks read for each row.

        `target_padding_mask`, bool (batch, prompt), marks the padding of prompts of several
        lengths; without it all tokens are real.
        """
        self.check_head(head)
        inputs = self.named(inputs if isinstance(inputs, Mapping) else {"source_ids": inputs})
        if "source_ids" not in inputs:
            raise ValueError(f"the inputs lack 'source_ids'; they hold {sorted(inputs)}.")
        source_ids = ops.convert_to_tensor(inputs["source_ids"])
        _check_rank("source_ids", source_ids)
        mask = inputs.get("source_padding_mask")
        kept = {
            "source_ids": source_ids,
            "source_padding_mask": self.source_padding_mask(source_ids) if mask is None else mask,
            **of_rows(inputs),
        }
        prompt = inputs.get("target_padding_mask")
        if prompt is not None:
            kept["prompt_mask"] = ops.cast(prompt, "bool")
        return keras.tree.map_structure(ops.convert_to_tensor, kept)

    def check_head(self, head: str) -> None:
        """Raises a ValueError if there is no such head to write with."""
        if head != "lm":
            raise ValueError(f"the model writes with its only head, 'lm', not with {head!r}.")

    def next_logits(self, hidden: Any, head: str) -> Any:
        """Returns the logits (rows, vocabulary) of hidden states (rows, d_model)."""
        return self.logits(hidden)

    def begin_decoding(
        self, inputs: Mapping[str, Any], settings: DecodingSettings
    ) -> tuple[Callable, Any]:
        """Encodes the source; returns the function of a step and its first cache."""
        padding_mask, beams = inputs["source_padding_mask"], settings.num_beams
        context = of_rows(inputs)
        encoder_output = self.encoder(
            inputs["source_ids"], padding_mask=padding_mask, context=context, training=False
        )
        fixed = self.decoder.project_source(encoder_output, padding_mask)
        # Beams share the keys of their sentence, unless places of queries count.
        cross_context, shared = context, beams
        context = repeated(context, beams)
        if settings.padded or not self.decoder.shares_source:
            cross_context, shared = context, 1
            padding_mask, fixed = repeated((padding_mask, fixed), beams)
        if settings.padded:
            prompts = prompts_of(inputs, settings)
        else:
            mask = inputs.get("prompt_mask", inputs["source_ids"])
            prompts = Prompts(ops.shape(mask)[0] * beams, ops.shape(mask)[1])
        cached = CachedStack(self.decoder, prompts, settings.cache_length, hidden=settings.hidden)

        def step(ids: Any, cache: Any, position: Any) -> Any:
            ids = prompts.put_in_order(ids, position)

            def run(columns: Any, is_token: Any, state: Any) -> Any:
                now = {}
                if prompts.leading is not None:
                    now["position_ids"] = ops.maximum(columns - prompts.leading[:, None], 0)
                for slot, (key, value) in zip(state.layers, fixed, strict=True):
                    slot.cross_attention = FixedKeyValue(key, value, shared)
                return self.decoder(
                    ids,
                    padding_mask=is_token,
                    encoder_padding_mask=padding_mask,
                    context={**context, **now},
                    cross_context=cross_context,
                    state=state,
                    training=False,
                )

            hidden, cache = cached.step(ids, cache, position, run)
            return self.next_logits(hidden[:, -1], settings.head), cache

        return step, cached.first_cache()

    def named(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the inputs by the names of this package; raises an error for unknown ones."""
        if "padding_mask" in inputs:
            raise ValueError(
                "there are two paddings: 'padding_mask' is called 'source_padding_mask' or "
                "'target_padding_mask' here."
            )
        masks = [*self.encoder.masks, *self.decoder.masks, self.decoder.cross_mask]
        heads = getattr(self, "heads", {}).values()
        return known_inputs(inputs, INPUT_NAMES, ALIASES, masks, heads)


def _check_rank(name: str, ids: Any) -> None:
    if ops.ndim(ids) != 2:
        raise ValueError(
            f"{name} must be int (batch, length), not of shape {tuple(ops.shape(ids))}; "
            f"one text makes a batch of one: {name}[None]."
        )


def normed_at_the_end(stack: keras.layers.Layer, state: StackState) -> list[Any]:
    """Returns the hidden states, the last one after the stack's final norm, if it has one."""
    *before, last = state.hidden_states
    return [*before, last if stack.final_norm is None else stack.final_norm(last)]

"""EncoderDecoder."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable
from tftransformer.layers import (
    DotProductScorer,
    FixedKeyValue,
    GrowingKeyValue,
    KeyValueCache,
    LayerState,
    StackState,
)
from tftransformer.models.headed_model import of_rows


class EncoderDecoder(Configurable, keras.Model):
    """What models of two stacks share: how they run, report and decode.

    A subclass makes `encoder` and `decoder` in its constructor, sets `pad_id`, ends it with
    `self.build()`, since every width is known then, and defines `logits(hidden)`, the logits of
    the next tokens, and `report(inputs, encoder_state, decoder_state)`, what `call` returns, as
    a dict.
    """

    def build(self, inputs_shape=None):
        self.encoder.build((None, None))
        self.decoder.build((None, None), (None, None, self.encoder.d_model))

    def run(
        self,
        inputs: Mapping[str, Any],
        encoder_state: StackState | None = None,
        decoder_state: StackState | None = None,
        context: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs both stacks; returns the output of the decoder (batch, target length, d_model)."""
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
            dict of what `call` returns, if that is one tensor as `logits`;
            `encoder_hidden_states` and `decoder_hidden_states`, lists of (batch, length, d_model),
            the embeddings first and the stack's output last; `encoder_attentions`,
            `decoder_attentions` and `cross_attentions`, for each layer a float32 tensor (batch,
            heads, queries, keys).
        """
        if not self.built:
            self.build()
        states = [
            StackState([LayerState() for _ in stack.layers])
            for stack in (self.encoder, self.decoder)
        ]
        outputs = self.report(inputs, *states)
        encoder, decoder = states
        return {
            **outputs,
            "encoder_hidden_states": normed_at_the_end(self.encoder, encoder),
            "decoder_hidden_states": normed_at_the_end(self.decoder, decoder),
            "encoder_attentions": [slot.self_attention.weights for slot in encoder.layers],
            "decoder_attentions": [slot.self_attention.weights for slot in decoder.layers],
            "cross_attentions": [slot.cross_attention.weights for slot in decoder.layers],
        }

    def start_decoding(self, inputs: Any, max_length: int | None, copies: int = 1):
        """Encodes the source and returns what a decoding strategy steps with.

        Args:
            inputs: int tensor (batch, source length), or a dict that holds it as `source_ids`
                and may hold the `source_padding_mask` of `call`, and what masks read of each row,
                (batch,), such as `prefix_lengths`.
            max_length: how many target tokens, the start token included, the cache can hold. None:
                it grows with each step, which is faster, but only within a `tf.function` that
                leaves the batch size open and that XLA does not compile.
            copies: rows for each sentence: the number of beams.

        Returns:
            `step` and the first `cache`. `step(ids, cache, position)` takes int ids
            (batch · copies, new tokens), the cache, and how many tokens it holds, and returns the
            logits (batch · copies, vocabulary) after the last of them and the new cache, a list of
            the keys and values of each layer with the rows first.
        """
        if max_length is None and keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"the cache cannot grow on {keras.backend.backend()}: give max_length, the most "
                "tokens that it has to hold."
            )
        if not self.built:
            self.build()
        inputs = inputs if isinstance(inputs, Mapping) else {"source_ids": inputs}
        source_ids = inputs["source_ids"]
        _check_rank("source_ids", source_ids)
        context = of_rows(inputs)
        padding_mask = inputs.get("source_padding_mask")
        if padding_mask is None:
            padding_mask = self.source_padding_mask(source_ids)
        encoder_output = self.encoder(
            source_ids, padding_mask=padding_mask, context=context, training=False
        )
        attentions = [layer.cross_attention for layer in self.decoder.layers]
        fixed = [attention.project_value(encoder_output) for attention in attentions]
        rows = ops.shape(padding_mask)[0] * copies
        # A 0 of which TensorFlow's graphs do not know the value, so that it may become another.
        cache = self.decoder.empty_cache(rows, rows * 0 if max_length is None else max_length)
        self_attention = GrowingKeyValue if max_length is None else KeyValueCache
        # Copies share the keys of their sentence; a scorer that counts queries keeps them apart.
        shared, cross_context = copies, context
        context = {name: ops.repeat(value, copies, axis=0) for name, value in context.items()}
        if not all(isinstance(attention.scorer, DotProductScorer) for attention in attentions):
            shared, cross_context = 1, context
            padding_mask, fixed = keras.tree.map_structure(
                lambda x: ops.repeat(x, copies, axis=0), (padding_mask, fixed)
            )

        def step(ids, cache, position):
            state = StackState(
                [
                    LayerState(
                        self_attention(**own, position=position), FixedKeyValue(*source, shared)
                    )
                    for own, source in zip(cache, fixed, strict=True)
                ],
                position=position,
                length=position + ops.shape(ids)[1] if max_length is None else max_length,
            )
            hidden = self.decoder(
                ids,
                encoder_padding_mask=padding_mask,
                context=context,
                cross_context=cross_context,
                state=state,
                training=False,
            )
            caches = [slot.self_attention for slot in state.layers]
            return self.logits(hidden[:, -1]), [{"key": c.key, "value": c.value} for c in caches]

        step.max_length = max_length
        return step, cache


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

"""HeadedEncoderDecoder."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import keras
from keras import ops

from tftransformer.heads import Pooler, SequenceHead, TokenHead
from tftransformer.layers import StackState
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.models.headed_model import HeadedModel
from tftransformer.models.stack_model import fold, unfold

# What a row of tokens is called as a source.
OF_ROWS = {"token_ids": "source_ids", "padding_mask": "source_padding_mask"}


class HeadedEncoderDecoder(HeadedModel, EncoderDecoder):
    """Two stacks and any number of heads on the decoder: the base of T5 and BART.

    A family makes `encoder` and `decoder` in its constructor, sets `d_model`, `pad_id` and
    `start_id`, then calls `make_heads`, then `build`.

    Inputs are a dict of `source_ids`, int (batch, source length), and optionally: `target_ids`, int
    (batch, target length), beginning with the start token (default: the start token and the source,
    as for classifiers); `source_padding_mask` (default: all ids but the pad id) and
    `target_padding_mask` (default: nothing is padding, since a target may start with the pad id),
    bool, True = a real token. `token_ids` with their `padding_mask`, as a `StackModel` takes them,
    are a source without a target; they may have an axis of choices. Segments are ignored:
    separators tell texts apart.

    Outputs are a dict: `hidden`, float (batch, target length, d_model), and the output of each head
        by its name.

    Heads: `lm`, `sequence_classification`, which reads the last end token of the source, `span`.
    """

    start_id: int

    def makers(
        self,
        language_model: Callable,
        end_id: int,
        dropout: float,
        initializer: keras.initializers.Initializer,
    ) -> dict[str, Callable]:
        """Returns the functions that make the heads, by name.

        Args:
            language_model: makes the head of the next token.
            end_id: the token that a classifier reads.
            dropout: rate on the input of a classifier.
            initializer: initializer of a classifier's pooler.
        """

        def classifier(dtype: Any, **given: Any) -> SequenceHead:
            end = Pooler(
                "last_of",
                self.d_model,
                token_id=end_id,
                kernel_initializer=initializer,
                dtype=dtype,
                name="pooler",
            )
            return SequenceHead(end, **{"dropout": dropout, **given}, dtype=dtype)

        return {
            "lm": language_model,
            "sequence_classification": classifier,
            "span": partial(TokenHead, labels=["start", "end"]),
        }

    def build(self, inputs_shape: Any = None) -> None:
        super().build()
        self.build_heads()

    def forward(
        self,
        inputs: Mapping[str, Any],
        heads: Iterable[str],
        encoder_state: StackState | None = None,
        decoder_state: StackState | None = None,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """Runs both stacks and some of the heads."""
        inputs, choices = _as_source(inputs)
        inputs = self.named(inputs)
        source_ids = ops.convert_to_tensor(inputs["source_ids"])
        if "target_ids" not in inputs:
            first = self.first_targets(source_ids)
            inputs = {
                **inputs,
                "target_ids": ops.concatenate([first, source_ids[:, :-1]], axis=1),
            }
        hidden = self.run_stacks(inputs, encoder_state, decoder_state, training=training)
        mask = inputs.get("source_padding_mask")
        mask = self.source_padding_mask(source_ids) if mask is None else ops.cast(mask, "bool")
        inputs = {**inputs, "token_ids": source_ids, "padding_mask": mask}
        outputs = {name: self.head_output(name, hidden, inputs, training) for name in heads}
        return {
            name: unfold(output, choices) for name, output in {"hidden": hidden, **outputs}.items()
        }

    def first_targets(self, source_ids: Any) -> Any:
        """Returns the token that stands before a source that is read as a target: (batch, 1)."""
        return ops.full_like(source_ids[:, :1], self.start_id)

    def named_outputs(self, inputs: Any, encoder_state: Any, decoder_state: Any) -> Any:
        return self.forward(inputs, self.heads, encoder_state, decoder_state, training=False)

    def logits(self, hidden: Any) -> Any:
        return self.heads["lm"](hidden)

    def next_logits(self, hidden: Any, head: str) -> Any:
        return self.head_output(head, hidden, {}, False)


def _as_source(inputs: Any) -> tuple[Any, Any]:
    """Names a row of tokens as a source; returns also (batch, choices), or None."""
    if "token_ids" not in inputs or "target_ids" in inputs:
        return inputs, None
    folded, choices = fold({name: ops.convert_to_tensor(x) for name, x in inputs.items()})
    kept = folded.keys() - {"segment_ids"}
    return {OF_ROWS.get(name, name): folded[name] for name in kept}, choices

"""RowGraph: what tasks share whose model reads one text, or two that are joined."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.serving import TaskGraph
from tftransformer.text import truncate_in_graph
from tftransformer.text.truncation import KEPT


class RowGraph(TaskGraph):
    """From one text or two to a row of ids, and to what the model says of it.

    A page says what `answers` makes of that.

    Args:
        tokenizer: tokenizer of the texts.
        template: how they become one row.
        texts: names of the texts, one or two.
        max_length: most tokens of a row, special ones included.
        output: name of the model's output; None: the model has one.

    Attributes:
        room: tokens of a row that are the texts'.
    """

    advice = 'choose too_long="cut"'  # where a text is too long

    def __init__(
        self,
        *,
        tokenizer: Any,
        template: Any,
        texts: Sequence[str],
        max_length: int,
        output: str | None = None,
    ):
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length
        self.output = output
        self.inputs = tuple(texts)
        self.kept = KEPT[template.cut_side]
        self.tracked = [tokenizer]
        self.room = max_length - template.num_special(len(self.inputs) > 1)
        if self.room < 1:
            raise ValueError(f"max_length={max_length} leaves no room beside the special tokens.")
        # Where a tokenizer has none, as GPT-2's, the mask alone says what is padding.
        pad = tokenizer.special_ids.get("pad", 0)
        short = Ragged.from_rows([[pad]])
        second = short if len(self.inputs) > 1 else None
        self.has_segments = template(short, second, tokenizer.special_ids)[1].values.any()
        self.fills = {"token_ids": pad, "segment_ids": 0, "padding_mask": 0}

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        ids = self.ids(*texts)
        how = {"cut_side": self.template.cut_side}
        first, second, cut = truncate_in_graph(ids[0], (*ids, None)[1], self.room, **how)
        return self.rows(first, second), {"cut": cut > 0}

    def ids(self, *texts: tf.Tensor) -> list[tf.RaggedTensor]:
        """The ids of each text, whole."""
        return [self.tokenizer.tokenize(tf.convert_to_tensor(text, tf.string)) for text in texts]

    def lengths(self, *texts: tf.Tensor) -> tf.Tensor:
        """How many tokens the rows would take uncut: int64 (batch,)."""
        added = self.max_length - self.room
        return sum(ids.row_lengths() for ids in self.ids(*texts)) + added

    def rows(self, first: tf.RaggedTensor, second: tf.RaggedTensor | None) -> dict[str, tf.Tensor]:
        """Ids that are short enough as the inputs of the model, int32 (batch, tokens)."""
        ids, segments = self.template.in_graph(first, second, self.tokenizer.special_ids)
        rows = {
            "token_ids": ids.to_tensor(self.fills["token_ids"]),
            "segment_ids": segments.to_tensor(0),
            "padding_mask": tf.ones_like(ids).to_tensor(0),
        }
        return {name: tf.cast(x, tf.int32) for name, x in rows.items()}

    def model_inputs(self, rows: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Rows as the model takes them."""
        inputs = dict(rows, padding_mask=tf.cast(rows["padding_mask"], tf.bool))
        if not self.has_segments:
            del inputs["segment_ids"]
        return inputs

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> Any:
        """Returns what the model's output says of the rows: float32 (rows, …)."""
        return self.outputs(model, self.model_inputs(rows))

    def outputs(self, model: Any, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """What the model's output says of inputs, in float32."""
        found = model(inputs, training=False)
        return tf.cast(found if self.output is None else found[self.output], tf.float32)

"""The base of objectives whose model reads one row of tokens: one text, or two that are joined."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tftransformer.core import Ragged
from tftransformer.objectives.columns import (
    Column,
    Following,
    IsReal,
    Stacked,
    Tokens,
    numbers_in_batch,
    once_per_batch,
)
from tftransformer.objectives.examples import ColumnExamples, Examples
from tftransformer.objectives.objective import LABEL, TEXT, Columns, Forms, Objective
from tftransformer.objectives.pieces import Pieces

# By which the best epoch can be chosen.
SCORES = ("loss", "accuracy", "macro_f1")


class TextRows(Objective):
    """Base of the objectives for one text or two; columns: the texts, then perhaps a label.

    Inputs are those of a `StackModel`, on one axis, "tokens": `token_ids`, `padding_mask`, and
    `segment_ids` where the template has two segments.

    Args:
        output: name of the model output that is trained, such as a head; labels, weights, loss and
            metrics are dicts with this key. None: the model has one output.

    Attributes:
        num_labels: number of label columns after the texts.
    """

    forms: Forms = ((TEXT, LABEL), (TEXT, TEXT, LABEL))
    takes = (
        "one or two columns of text, then one of labels, such as DataProcess('sentence', "
        "'label', objective=…)"
    )
    num_labels = 1
    too_long = "cut"
    joins_texts = True
    judge_by = "loss"

    @property
    def monitor(self) -> str:  # type: ignore[override] # follows `judge_by`
        """The key in the logs of what the best epoch is chosen by."""
        named = self.output is not None and self.judge_by != "loss"
        return f"val_{self.output}_{self.judge_by}" if named else f"val_{self.judge_by}"

    @property
    def mode(self) -> str:  # type: ignore[override] # follows `judge_by`
        """Whether less or more of `monitor` is better."""
        return "min" if self.judge_by == "loss" else "max"

    def __init__(self, output: str | None = None):
        self.output = output

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        *texts, given = columns
        labels, weights = self.targets(given, training)
        inputs = self.inputs(texts, tokenizers[0], template)
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(weights))

    def inputs(self, texts: Sequence[Any], tokenizer: Any, template: Any) -> dict[str, Column]:
        """The columns of a model's inputs, given the ids of one or two texts a row, `Ragged`."""
        # Where a tokenizer has none, as GPT-2's, the mask alone says what is padding.
        fill = tokenizer.special_ids.get("pad", 0)
        if template is not None:
            ids: Tokens = _Joined(texts, template, tokenizer.special_ids, fill)
        elif len(texts) == 1:
            ids = Tokens(texts[0], "tokens", fill)
        else:
            raise ValueError("two texts need a template that joins them.")
        inputs: dict[str, Column] = {"token_ids": ids, "padding_mask": IsReal(ids, "bool")}
        if isinstance(ids, _Joined) and ids.has_segments:
            inputs["segment_ids"] = _Segments(ids)
        return inputs

    def window_inputs(self, pieces: Pieces, tokenizer: Any, template: Any) -> dict[str, Column]:
        """The columns of a model's inputs, given pieces in windows.

        With `spelling` they have `spelling_ids`, int32 (chosen, width, spellings).
        """
        inputs = self.inputs([pieces.windows], tokenizer, template)
        if self.spelling and pieces.spelling is not None:
            spelled = pieces.spelling[pieces.places.values]
            each = [pieces.tokens(values, template) for values in spelled.T]
            inputs["spelling_ids"] = Stacked(each, last=True)
        return inputs

    def targets(self, labels: list[Any], training: bool) -> tuple[Column, Column]:
        """The columns of labels and of weights that a label column makes."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if isinstance(config.get("class_weight"), Mapping):  # JSON knows no keys but strings
            config["class_weight"] = [list(pair) for pair in config["class_weight"].items()]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        weight = config.get("class_weight")
        if isinstance(weight, list):
            config = config | {"class_weight": dict(weight)}
        return super().from_config(config)


class _Joined(Tokens):
    """The ids of one or two texts in their template, which is laid around them in each batch."""

    def __init__(
        self, texts: Sequence[Any], template: Any, special_ids: Mapping[str, int], fill: int
    ):
        super().__init__(texts[0], "tokens", fill)
        self.texts, self.template, self.special_ids = texts, template, special_ids
        self._added = template.num_special(len(texts) > 1)
        short = [Ragged.from_rows([[fill]])] * 2
        _, segments = template(short[0], short[1] if len(texts) > 1 else None, special_ids)
        self.has_segments = bool(segments.values.any())

    def lengths(self, axis: str) -> np.ndarray:
        return sum(text.lengths for text in self.texts) + self._added

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        together = sum(text.lengths_of(rows) for text in self.texts) + self._added
        return np.where(rows < 0, 0, together)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        ids, _ = self.joined(rows)
        return ids.dense(numbers_in_batch(rows), widths["tokens"], self.fill)

    @once_per_batch
    def joined(self, rows: np.ndarray) -> tuple[Ragged, Ragged]:
        """The ids and the segments of the chosen rows."""
        texts = [text.take(rows) for text in self.texts]
        return self.template(texts[0], texts[1] if len(texts) > 1 else None, self.special_ids)


class _Segments(Following):
    """The segment of each token of joined texts; 0 where there is none."""

    column: _Joined

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        _, segments = self.column.joined(rows)
        return segments.dense(numbers_in_batch(rows), widths["tokens"])

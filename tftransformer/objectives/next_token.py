"""The objective of language models: the next token."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, register
from tftransformer.objectives.columns import Column, IsReal, Tokens
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import TEXT, Columns, Objective
from tftransformer.training.losses import LabelSmoothedCrossEntropy
from tftransformer.training.metrics import TokenAccuracy


@register
class NextToken(Objective):
    """Each token of a document is predicted from those before it (Radford et al. 2018, eq. 1).

    A document `a b c d e` makes blocks of at most `max_length` tokens, each beginning with the last
    token of the one before, so that every token is predicted once; with 3 of them:

    | | | | |
    |---|---|---|---|
    | `token_ids` | start | a | b |
    | labels | a | b | c |
    | `token_ids` | c | d | e |
    | labels | d | e | end |

    Where a tokenizer has no start, nothing predicts the first token; where it has no end, none is
    learnt. Documents never share a block. There is one column, the text, and one axis, "tokens".

    Args:
        smoothing: float in [0, 1), probability mass that the loss spreads over all pieces.
        output: which of the model's outputs are the logits. None: the model has one output.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 2, "end": 3})
    >>> blocks = NextToken().blocks(Ragged.from_rows([[7, 8, 9]]), tokenizer, 3)
    >>> blocks.tolist()
    [[2, 7, 8, 9], [9, 3]]
    >>> examples = NextToken().examples([blocks], [tokenizer])
    >>> inputs, labels, weights = examples.batch(np.array([0, 1]), widths=(3,))
    >>> inputs["token_ids"].tolist(), labels["lm"].tolist()
    ([[2, 7, 8], [9, 0, 0]], [[7, 8, 9], [3, 0, 0]])
    """

    joins_texts = True
    in_blocks = True

    def __init__(self, smoothing: float = 0.0, output: str | None = "lm"):
        self.smoothing, self.output = smoothing, output

    def kinds(self, count: int) -> tuple[str, ...]:
        if count != 1:
            raise ValueError(
                f"NextToken takes one column of text; it was given {count}: DataProcess('text', "
                "objective=NextToken())."
            )
        return (TEXT,)

    def blocks(self, documents: Ragged, tokenizer: Any, max_length: int) -> Ragged:
        """Cuts documents into rows of at most `max_length + 1` ids, that of the last label too."""
        before = [tokenizer.special_ids[n] for n in ("start",) if n in tokenizer.special_ids]
        after = [tokenizer.special_ids[n] for n in ("end",) if n in tokenizer.special_ids]
        lengths = np.where(documents.lengths > 0, documents.lengths + len(before + after), 0)
        counts = -(-np.maximum(lengths - 1, 0) // max_length)  # of blocks
        document = np.repeat(np.arange(len(documents)), counts)
        number = np.arange(len(document)) - np.repeat(np.cumsum(counts) - counts, counts)
        begins = number * max_length
        sizes = np.minimum(lengths[document] - begins, max_length + 1)
        starts = np.cumsum(lengths) - lengths
        whole = np.zeros(lengths.sum(), np.int32)
        filled = lengths > 0
        text = np.repeat(starts + len(before) - documents.row_splits[:-1], documents.lengths)
        whole[text + np.arange(len(text))] = documents.values
        for place, i in enumerate(before):
            whole[starts[filled] + place] = i
        for place, i in enumerate(reversed(after)):
            whole[(starts + lengths - 1)[filled] - place] = i
        splits = np.concatenate([[0], np.cumsum(sizes)])
        places = np.repeat(starts[document] + begins - splits[:-1], sizes) + np.arange(splits[-1])
        return Ragged(whole[places], splits)

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        (rows,) = columns
        pad = tokenizers[0].special_ids.get("pad", 0)  # the mask says what it is
        ids, labels = _Shifted(rows, 0, pad), _Shifted(rows, 1, pad)
        inputs: dict[str, Column] = {"token_ids": ids, "padding_mask": IsReal(ids, "bool")}
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(IsReal(labels)))

    def losses(self) -> Any:
        return self.by_output(LabelSmoothedCrossEntropy(self.smoothing))

    def metrics(self) -> Any:
        return self.by_output([TokenAccuracy()])


class _Shifted(Tokens):
    """All ids of each row but one: the last (`shift` 0) or the first (1)."""

    def __init__(self, ids: Ragged, shift: int, fill: int):
        super().__init__(ids, "tokens", fill)
        self.shift = shift

    def lengths(self, axis: str) -> np.ndarray:
        return self.ids.lengths - 1

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        return np.maximum(super().lengths_of(rows) - 1, 0)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        width = widths["tokens"]
        whole = self.ids.dense(rows, width + 1, self.fill)
        shifted = whole[:, self.shift : width + self.shift]
        if self.shift:
            return shifted
        real = np.arange(width) < self.lengths_of(rows)[:, None]
        return np.where(real, shifted, np.int32(self.fill))

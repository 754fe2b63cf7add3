"""Prefix language models: the rest of a text, given its beginning."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import register
from tftransformer.objectives.columns import Column, Following, Tokens
from tftransformer.objectives.drawing import uniform
from tftransformer.objectives.examples import ColumnExamples, DrawnExamples
from tftransformer.objectives.next_token import NextToken
from tftransformer.objectives.objective import Columns


@register
class PrefixLM(NextToken):
    """The tokens of a prefix see each other, the rest is predicted (Raffel et al. 2020).

    See §3.2.1 and §3.3.4, and the sequence-to-sequence model of UniLM (Dong et al. 2019). Rows are
    those of `NextToken`. In a row of n tokens to predict, the prefix is the first 1 to n tokens,
    all lengths being equally likely; draws depend only on (seed, epoch, row). Nothing inside the
    prefix is predicted. The inputs include `prefix_lengths`, int (batch,), for a model under
    `(CausalMask() | PrefixMask()) & PaddingMask()`.

    Args:
        smoothing: float in [0, 1), probability mass that the loss spreads over the vocabulary.
        output: name of the model output that holds the logits. None: the model has one output.

    Example:

    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 2, "end": 3})
    >>> rows = tt.core.Ragged.from_rows([[2, 7, 8, 9, 3]])
    >>> examples = PrefixLM().examples([rows], [tokenizer]).of_epoch(seed=2, epoch=0)
    >>> inputs, labels, weights = examples.batch(np.array([0]), widths=(4,))
    >>> inputs["token_ids"].tolist(), inputs["prefix_lengths"].tolist()
    ([[2, 7, 8, 9]], [3])
    >>> labels["lm"].tolist(), weights["lm"].tolist()
    ([[7, 8, 9, 3]], [[0.0, 0.0, 1.0, 1.0]])
    """

    def __init__(self, smoothing: float = 0.0, output: str | None = "lm"):
        super().__init__(smoothing, output)

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        plain: Any = super().examples(columns, tokenizers, template, training=training)

        def make(draw: tuple[int, int] | None) -> Any:
            prefix = _PrefixLengths(plain.inputs["token_ids"], draw or (0, 0))
            inputs = {**plain.inputs, "prefix_lengths": prefix}
            return inputs, plain.labels, self.by_output(_BehindPrefix(prefix))

        return DrawnExamples(make)


class _PrefixLengths(Column):
    """How many tokens of each row are its prefix: int32 (chosen,)."""

    def __init__(self, ids: Tokens, draw: tuple[int, int]):
        self.ids, self.draw = ids, draw

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        lengths = self.ids.lengths_of(rows)
        drawn = uniform(self.draw, rows, 1)[:, 0]
        return np.where(lengths > 0, 1 + drawn * lengths, 0).astype(np.int32)


class _BehindPrefix(Following):
    """1 where what is predicted is behind the prefix, else 0: float32 (chosen, width)."""

    def __init__(self, prefix: _PrefixLengths):
        super().__init__(prefix.ids)
        self.prefix = prefix

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        place = np.arange(widths["tokens"])
        lengths = self.prefix.ids.lengths_of(rows)[:, None]
        behind = place >= self.prefix.batch(rows, widths)[:, None] - 1
        return (behind & (place < lengths)).astype(np.float32)

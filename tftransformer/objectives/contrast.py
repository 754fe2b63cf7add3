"""Contrast: texts that belong together get similar vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_numbers, register
from tftransformer.objectives.columns import Stacked, Values
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import TEXT, Columns
from tftransformer.objectives.text_rows import TextRows
from tftransformer.training.candidates import ContrastiveAccuracy, ContrastiveLoss


@register
class Contrast(TextRows):
    """Pairs of texts that belong together, against all others in the batch (Henderson et al. 2017).

    The columns are two of texts, or three, the third a negative for the first. Inputs have an axis
    of texts: `token_ids` (batch, texts, tokens). The label of a row is a number that identifies its
    second text, so that rows with the same one are not negatives for each other; see
    `ContrastiveLoss`.

    Args:
        temperature: temperature of the loss.
        output: see `TextRows`; for a family, name a head: `heads={"embedding":
            tt.EmbeddingHead()}`.
    """

    forms = ((TEXT,) * 2, (TEXT,) * 3)
    takes = "two columns of texts that belong together, and perhaps a third that does not"
    rows_alone = True

    def __init__(self, temperature: float = 0.05, output: str | None = "embedding"):
        super().__init__(output)
        check_numbers(0, temperature=temperature)
        self.temperature = temperature

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        each = [self.inputs([column], tokenizers[0], template) for column in columns]
        inputs = {name: Stacked([one[name] for one in each]) for name in each[0]}
        labels = Values(_numbers(columns[1]))
        weights = Values(np.ones(len(columns[0]), np.float32))
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(weights))

    def losses(self) -> Any:
        return self.by_output(ContrastiveLoss(self.temperature))

    def metrics(self) -> Any:
        return self.by_output([ContrastiveAccuracy()])


def _numbers(texts: Ragged) -> np.ndarray:
    """A number from 1 on for each text, the same for the same ids: int32 (rows,)."""
    known: dict[bytes, int] = {}
    numbers = (
        known.setdefault(np.asarray(texts[row], np.int32).tobytes(), len(known) + 1)
        for row in range(len(texts))
    )
    return np.fromiter(numbers, np.int32, len(texts))

"""Rows that go on where the row of the batch before ended, as a memory needs them."""

from typing import Any

import numpy as np

from tftransformer.data.batches import Batches
from tftransformer.data.plan import PlannedBatch
from tftransformer.objectives import Examples


class Streams(Batches):
    """Blocks of one long text as streams, read beside each other (Dai et al. 2019, §3.2).

    The blocks are parted into as many streams as a batch has rows, in order: row `i` of a batch
    goes on where row `i` of the batch before ended, in all epochs alike, so that what a model
    remembers of the one belongs to the other: `Trainer(model, streams, carry=CarriedMemory())`.
    Each epoch, and each validation, begins without a memory. The last stream may be shorter; its
    rows are then fill, of weight 0.

    Args:
        examples: blocks, each going on where the one before ended.
        batch_tokens: most positions of one batch, padding included: there are as many streams as
            have room for their blocks.
        **options: of `Batches`; what it shuffles, streams keep in order.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0})
    >>> objective = tt.NextToken(documents="streams")
    >>> columns = objective.blocks(Ragged.from_rows([range(1, 14)]), tokenizer, 2)
    >>> streams = Streams(objective.examples(columns, [tokenizer]), batch_tokens=4)
    >>> for inputs, labels, weights in streams.iterate():
    ...     print(inputs["token_ids"].tolist())
    [[1, 2], [7, 8]]
    [[3, 4], [9, 10]]
    [[5, 6], [11, 12]]
    """

    in_order = True

    def __init__(self, examples: Examples, batch_tokens: int = 4096, **options: Any):
        super().__init__(examples, batch_tokens, **{**options, "max_shapes": 1})

    def _batches_of(self, lengths: np.ndarray, epoch: int) -> list[PlannedBatch]:
        (shape,) = self.shapes
        steps = -(-len(lengths) // shape[0])
        blocks = np.arange(shape[0] * steps, dtype=np.int32).reshape(shape[0], steps)
        blocks = np.where(blocks < len(lengths), blocks, -1)
        return [PlannedBatch(rows, shape) for rows in blocks.T]

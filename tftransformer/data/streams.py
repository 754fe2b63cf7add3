"""Rows that continue the same row of the previous batch, as a memory requires."""

from typing import Any

import numpy as np

from tftransformer.data.batches import Batches
from tftransformer.data.plan import PlannedBatch
from tftransformer.objectives import Examples

# Blocks that stay together where a text is shuffled: one in so many follows another text.
STRETCH = 32


class Streams(Batches):
    """Blocks of one long text as parallel streams (Dai et al. 2019, §3.2).

    The blocks are divided, in order, into as many streams as a batch has rows: row `i` of a batch
    continues row `i` of the previous batch, so that the memory of a model fits the next batch:
    `Trainer(model, streams, carry=CarriedMemory())`. Each epoch and each validation begins without
    a memory. The last stream may be shorter; it is filled up with rows of weight 0.

    In training, a longer text is read in stretches of 32 to 63 blocks in an order drawn for each
    epoch, so that a model does not read the same parts in parallel each time, or similar parts one
    after another.

    Args:
        examples: blocks, each continuing the previous one.
        batch_tokens: most positions of one batch, padding included: this determines the number of
            streams.
        **options: arguments of `Batches`.

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
        blocks = self._order(len(lengths), self._generator(epoch))
        fill = (0, shape[0] * steps - len(blocks))
        blocks = np.pad(blocks, fill, constant_values=-1).reshape(shape[0], steps)
        return [PlannedBatch(rows, shape) for rows in blocks.T]

    @staticmethod
    def _order(count: int, generator: np.random.Generator | None) -> np.ndarray:
        """The blocks in the order in which they are read: int32 (count,)."""
        blocks = np.arange(count, dtype=np.int32)
        if generator is None or count < 2 * STRETCH:
            return blocks
        # The last block, which may be short, stays the last: what is fill ends a stream.
        stretches = np.array_split(blocks[:-1], (count - 1) // STRETCH)
        shuffled = [stretches[i] for i in generator.permutation(len(stretches))]
        return np.concatenate([*shuffled, blocks[-1:]])

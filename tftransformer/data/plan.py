"""Which rows stand in which batch: the plan of an epoch."""

from typing import NamedTuple

import numpy as np

from tftransformer.data.shapes import cheapest, choose_widths


class PlannedBatch(NamedTuple):
    """The rows of one batch, and the shape they are padded to: (rows, width, width, …)."""

    rows: np.ndarray
    shape: tuple[int, ...]


class Planner:
    """Spreads rows over batches of few shapes, holding at most a number of tokens each.

    All batches of a shape have the same height: as many rows as fit the budget, or a little
    fewer, so that the rows fill a whole number of batches. What would leave a batch less than
    half full goes up into the next wider shape.

    Args:
        lengths: int array (rows, axes), for which the shapes are chosen.
        batch_tokens: most positions of a batch on any one axis, padding included.
        max_shapes: most shapes.
    """

    def __init__(self, lengths: np.ndarray, batch_tokens: int, max_shapes: int):
        longest = lengths.max()
        if batch_tokens < longest:
            raise ValueError(
                f"batch_tokens={batch_tokens} leaves no room for a row of {longest} tokens. "
                "Raise batch_tokens, or lower max_length."
            )
        self.widths = choose_widths(lengths, max_shapes)
        rows = np.bincount(cheapest(lengths, self.widths), minlength=len(self.widths))
        most = batch_tokens // self.widths.max(axis=1)
        self.heights = -(-rows // -(-rows // most))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes `(rows, width, width, …)`, the narrowest first."""
        together = np.column_stack([self.heights, self.widths])
        return [tuple(shape) for shape in together.tolist()]

    def plan(
        self, lengths: np.ndarray, generator: np.random.Generator | None
    ) -> list[PlannedBatch]:
        """Plans one epoch: each row in exactly one batch.

        Args:
            lengths: int array (rows, axes), of the rows to spread.
            generator: shuffles the rows within their shape, and the batches. None: nothing is
                shuffled, the narrowest batches come first.
        """
        shape_of_row = cheapest(lengths, self.widths)
        waiting = [
            np.flatnonzero(shape_of_row == i).astype(np.int32) for i in range(len(self.widths))
        ]
        batches = []
        for i, (rows, shape) in enumerate(zip(waiting, self.shapes, strict=True)):
            height = shape[0]
            if generator is not None:
                rows = generator.permutation(rows)
            rest = len(rows) % height
            wider = self._wider(i)
            if wider is not None and rest < height / 2:
                waiting[wider] = np.concatenate([waiting[wider], rows[len(rows) - rest :]])
                rows = rows[: len(rows) - rest]
            starts = range(0, len(rows), height)
            batches += [PlannedBatch(rows[s : s + height], shape) for s in starts]
        if generator is not None:
            generator.shuffle(batches)
        return batches

    def _wider(self, i: int) -> int | None:
        """The next shape that covers shape `i`, or None for the widest."""
        covering = (self.widths[i + 1 :] >= self.widths[i]).all(axis=1)
        return i + 1 + int(np.argmax(covering)) if covering.any() else None

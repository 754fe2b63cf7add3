"""What an objective makes of token ids: inputs and labels for each row."""

from dataclasses import dataclass

import numpy as np

from tftransformer.core import Ragged


@dataclass(frozen=True, eq=False)
class Examples:
    """Training examples of different lengths, ready to be padded into batches.

    Args:
        inputs: the model's inputs by name, each with the same number of rows.
        labels: what each position of the **last** input has to predict: as long as that
            input, row by row.
    """

    inputs: dict[str, Ragged]
    labels: Ragged

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """Ids in each row of each input: int64 array (rows, inputs)."""
        return np.stack([column.lengths for column in self.inputs.values()], axis=1)

    def take(self, rows: np.ndarray) -> "Examples":
        """The examples at the indices `rows`, int array (chosen,), in that order."""
        return self._map(lambda column: column.take(rows))

    def where(self, condition: np.ndarray, other: "Examples") -> "Examples":
        """Own rows where `condition`, bool array (rows,), holds, else those of `other`."""
        inputs = {
            name: column.where(condition, other.inputs[name])
            for name, column in self.inputs.items()
        }
        return Examples(inputs, self.labels.where(condition, other.labels))

    def batch(self, rows: np.ndarray, shape: tuple[int, ...], pad_id: int):
        """Pads some rows into one batch.

        Args:
            rows: int array (chosen,), at most `shape[0]` row indices.
            shape: the height of the batch and the width of each input. Missing rows are
                added at the end as rows of padding.
            pad_id: the id that fills what is not real.

        Returns:
            `(inputs, labels, weights)`: a dict of int32 arrays (height, width of the input),
            an int32 array and a float32 array (height, width of the last input); the weight
            is 1 for a real label and 0 for padding.
        """
        height, *widths = shape
        below = ((0, height - len(rows)), (0, 0))

        def padded(column, width):
            return np.pad(column.dense(rows, width, pad_id), below, constant_values=pad_id)

        inputs = {
            name: padded(column, width)
            for (name, column), width in zip(self.inputs.items(), widths, strict=True)
        }
        real = np.arange(widths[-1]) < self.labels.lengths[rows][:, None]
        return inputs, padded(self.labels, widths[-1]), np.pad(real.astype(np.float32), below)

    def _map(self, function):
        inputs = {name: function(column) for name, column in self.inputs.items()}
        return Examples(inputs, function(self.labels))

"""Where a run stands."""

import dataclasses
import json

import keras


@dataclasses.dataclass
class Progress:
    """Where a run stands: all of its state that is not in variables of model and optimizer.

    Args:
        epoch: number of finished epochs.
        batch: number of batches done in the epoch after those.
        step: number of updates.
        length: number of batches in an epoch, by which the data is known again; None if unknown.
        frozen: numbers of the layers that are frozen, as `frozen_layers` returns them.
        history: logs of the finished epochs, key → values.
        epochs: their numbers.
        callbacks: class and changed attributes of each callback.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    length: int | None = None
    frozen: list[int] = dataclasses.field(default_factory=list)
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epochs: list[int] = dataclasses.field(default_factory=list)
    callbacks: list[tuple[str, dict]] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        place = f", batch {self.batch}" if self.batch else ""
        of = f" of {self.length}" if self.batch and self.length else ""
        return f"{self.epoch} finished epochs{place}{of}, {self.step} updates"

    @classmethod
    def parse(cls, text: bytes | str) -> "Progress":
        """Reads what `json.dumps` made of its fields, or raises a ValueError."""
        try:
            progress = cls(**json.loads(text))
            numbers = [
                progress.epoch,
                progress.batch,
                progress.step,
                *progress.epochs,
                *progress.frozen,
            ]
            columns = dict(progress.history).values()
            plain = all(isinstance(number, int) and number >= 0 for number in numbers)
            plain &= all(isinstance(value, int | float) for column in columns for value in column)
            plain &= all(isinstance(dict(values), dict) for _, values in progress.callbacks)
        except (TypeError, ValueError) as error:
            raise ValueError(f"no progress of a run: {error}") from error
        if not plain:
            raise ValueError("no progress of a run")
        return progress

    def record(self, history: keras.callbacks.History) -> None:
        """Takes over the logs, as plain numbers."""
        self.history = {
            name: [float(value) for value in column] for name, column in history.history.items()
        }
        self.epochs = list(history.epoch)

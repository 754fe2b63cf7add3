"""Keras callbacks inside an own loop: lazy batch logs, a calm progress bar, state to resume."""

import math
import numbers
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras

from tftransformer.training.progress import Progress

Callback = keras.callbacks.Callback


class Callbacks(keras.callbacks.CallbackList):
    """The callbacks of one training run, with a history and a progress bar.

    Reading the running sums waits for the device, so batch logs are made only for callbacks that
    look at batches, and ten times a second for the progress bar.

    Args:
        callbacks: sequence of `keras.callbacks.Callback`.
        model: the model they act on.
        epochs: number of epochs.
        steps: number of batches in an epoch, or None if unknown.
        verbose: 0 silent, 1 progress bar, 2 one line for each epoch, "auto" chooses 1 for a
            terminal or notebook and else 2.

    Attributes:
        last_logs: logs of the last epoch, with what callbacks have added.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        *,
        epochs: int,
        steps: int | None,
        verbose: str | int,
    ):
        self.history = keras.callbacks.History()
        self._own = list(callbacks)
        self._per_batch = [callback for callback in self._own if _looks_at_batches(callback)]
        self._bar = keras.callbacks.ProgbarLogger() if verbose else None
        self._bar_drawn = 0.0
        self.last_logs: dict[str, float] = {}
        verbose = _choose_verbosity() if verbose == "auto" else verbose
        bar = [self._bar] if self._bar else []
        super().__init__(
            [*self._own, self.history, *bar],
            model=model,
            epochs=epochs,
            steps=steps,
            verbose=verbose,
        )

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._initial = [_plain_attributes(callback) for callback in self._own]

    def on_epoch_goes_on(self, epoch: int) -> None:
        """Tells of an epoch that was begun before a resume: its beginning comes only once."""
        self.history.on_epoch_begin(epoch)
        if self._bar:
            self._bar.on_epoch_begin(epoch)

    def on_train_batch_begin(self, batch: Any, logs: Any = None) -> None:
        for callback in self._per_batch:
            callback.on_train_batch_begin(batch, logs={})

    def on_train_batch_end(self, batch: int, logs: Callable[[], dict]) -> None:
        """Tells those who listen that a batch is done; `logs()` makes the logs."""
        if self._per_batch:
            values = logs()
            for callback in self._per_batch:
                callback.on_train_batch_end(batch, logs=values)
        if self._bar and self._bar.verbose == 1 and time.monotonic() - self._bar_drawn > 0.1:
            self._bar.on_train_batch_end(batch, logs())
            self._bar_drawn = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float], batches: int) -> None:
        """Ends an epoch after so many batches.

        A column of the history has NaN where an epoch logged no such value.
        """
        if self._bar:  # which else says that all batches are done, though a limit came before
            self._bar.seen, self._bar.target = batches, None
        columns = self.history.history
        before = {name: len(column) for name, column in columns.items()}
        super().on_epoch_end(epoch, logs)
        logged = [name for name, column in columns.items() if len(column) > before.get(name, 0)]
        self.last_logs = {name: columns[name][-1] for name in logged}
        for name, column in columns.items():
            if name not in before:
                column[:0] = [math.nan] * (len(self.history.epoch) - 1)
            elif name not in logged:
                column.append(math.nan)

    def state(self) -> list[tuple[str, dict]]:
        """Class and changed plain attributes (`EarlyStopping.wait`, ...) of each callback."""
        states = []
        for callback, before in zip(self._own, self._initial, strict=True):
            now = _plain_attributes(callback)
            changed = {name: now[name] for name in now if before.get(name, ...) != now[name]}
            states.append((type(callback).__name__, changed))
        return states

    def restore(self, progress: Progress) -> None:
        """Takes up the history and, if the callbacks are still the same ones, their state.

        A run that one of them has stopped early is over, unless it is told to be more patient now.
        """
        self.history.history = {name: list(column) for name, column in progress.history.items()}
        self.history.epoch = list(progress.epochs)
        if [name for name, _ in progress.callbacks] == [type(own).__name__ for own in self._own]:
            for callback, (_, attributes) in zip(self._own, progress.callbacks, strict=True):
                vars(callback).update(attributes)
                if isinstance(callback, keras.callbacks.EarlyStopping) and callback.stopped_epoch:
                    self.model.stop_training |= callback.wait >= callback.patience


def _looks_at_batches(callback: keras.callbacks.Callback) -> bool:
    def is_own(name: str) -> bool:
        # LambdaCallback sets plain functions, which have no __func__.
        return getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name)

    return any(
        is_own(f"{prefix}batch_{moment}")
        for prefix in ("on_train_", "on_")
        for moment in ("begin", "end")
    )


def _plain_attributes(callback: keras.callbacks.Callback) -> dict:
    """Numbers, strings and None; numpy scalars become Python's, for JSON."""
    plain: dict[str, Any] = {}
    for name, value in vars(callback).items():
        if name == "min_delta":
            continue  # a setting, to which Keras gives its sign at the end of the first epoch
        if isinstance(value, bool | str | None):
            plain[name] = value
        elif isinstance(value, numbers.Integral):
            plain[name] = int(value)
        elif isinstance(value, numbers.Real):
            plain[name] = float(value)
    return plain


def _choose_verbosity() -> int:
    return 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2

"""From the first epoch that is left to the end of training: updates, validations, saves."""

import warnings
from typing import Any

from tftransformer.training.callbacks import Callbacks
from tftransformer.training.checkpoints import Checkpointing
from tftransformer.training.feeding import not_empty, windows, with_last
from tftransformer.training.limits import Limits
from tftransformer.training.progress import Progress
from tftransformer.training.run_directory import RunDirectory
from tftransformer.training.signals import StopSignals
from tftransformer.training.steps import Steps
from tftransformer.training.trainable import all_finite, frozen_layers
from tftransformer.training.updates import averaged, write_averages


class Loop:
    """What a `Trainer` does once all is prepared.

    Args:
        steps: what is computed of a batch.
        train: batches.
        validation: the same, evaluated after each epoch, or None.
        epochs: number of epochs in all.
        accumulation: number of batches for one update.
        limits: what else ends training, and after how long it is saved.
        checkpointing: after which updates it is saved.
        progress: where it begins.
        run: where it is saved, or None.
    """

    def __init__(
        self,
        steps: Steps,
        train: Any,
        validation: Any,
        *,
        epochs: int,
        accumulation: int,
        limits: Limits,
        checkpointing: Checkpointing,
        progress: Progress,
        run: RunDirectory | None,
    ):
        self.steps, self.train, self.validation = steps, train, validation
        self.epochs, self.accumulation = epochs, accumulation
        self.limits, self.checkpointing = limits, checkpointing
        self.progress, self.run = progress, run

    def __call__(self, callbacks: Callbacks, signals: StopSignals) -> None:
        """Trains until the epochs or a limit are over, or a signal or a callback stops it."""
        self.limits.begin()
        callbacks.on_train_begin()
        callbacks.restore(self.progress)
        # A run that has stopped within an epoch may be over, but for validating what was trained.
        goes_on = self.progress.batch > 0
        while self.progress.epoch < self.epochs and (goes_on or not self._is_over(signals)):
            self._epoch(callbacks, signals)
            goes_on = False
        write_averages(self.steps.optimizer)
        callbacks.on_train_end()
        if self.run is None and not all_finite(self.steps.model.variables):
            warnings.warn(
                f"A weight is not finite after update {self.progress.step}: what the model says "
                "means nothing. Try a lower learning rate or clip_norm=1.0.",
                stacklevel=4,
            )

    def evaluate(self, batches: Any, name: str, signals: StopSignals) -> dict[str, float]:
        """Loss and metrics over all of the batches, or those before a signal."""
        self.steps.begin(self.steps.testing)
        dataset = batches.dataset(epoch=0, start=0)
        for batch in not_empty(dataset, name):
            if signals.received is not None:
                break
            self.steps.evaluate(batch, dataset.element_spec)
        return self.steps.testing.logs()

    def _is_over(self, signals: StopSignals) -> bool:
        """Whether training stops here, between two updates."""
        stopped = signals.received is not None or self.steps.model.stop_training
        return stopped or self.limits.are_over(self.progress.step)

    def _epoch(self, callbacks: Callbacks, signals: StopSignals) -> None:
        """Trains to the end of the epoch or of training, validates, and saves."""
        progress, training = self.progress, self.steps.training
        if progress.batch:
            callbacks.on_epoch_goes_on(progress.epoch)
        else:
            callbacks.on_epoch_begin(progress.epoch)
            self.steps.begin(training)
        complete = self._train_epoch(callbacks, signals)
        with averaged(self.steps.optimizer):
            if signals.received is None:
                logs = training.logs()
                if self.validation is not None:
                    callbacks.on_test_begin()
                    validated = self.evaluate(self.validation, "validation", signals)
                    callbacks.on_test_end(validated)
                    logs.update({f"val_{name}": value for name, value in validated.items()})
            if signals.received is None:
                callbacks.on_epoch_end(progress.epoch, logs, progress.batch)
                if self.run is not None:
                    self.run.store.keep_best(callbacks.last_logs)
        if signals.received is not None:
            if complete:  # but not validated: a resumed run comes here again
                self._save(callbacks)
            return
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
            progress.record(callbacks.history)
            self._save(callbacks, is_checkpoint=True)
            if self.run is not None:
                self.run.store.write_history(progress)

    def _train_epoch(self, callbacks: Callbacks, signals: StopSignals) -> bool:
        """Trains on the batches that are left; returns whether it came to the last one.

        Where training stops before, a resume point is saved.
        """
        progress = self.progress
        dataset = self.train.dataset(epoch=progress.epoch, start=progress.batch)
        batches = not_empty(dataset, "train", progress.batch)
        is_over = self._is_over(signals)
        for window, last in with_last(windows(batches, self.accumulation)):
            if is_over:
                return False
            self._update(window, dataset.element_spec, callbacks)
            progress.batch, progress.step = progress.batch + len(window), progress.step + 1
            if not last:
                is_over = self._is_over(signals)
                is_checkpoint = self.checkpointing.is_checkpoint(progress.step)
                if is_over or is_checkpoint or self.limits.is_save_due():
                    self._save(callbacks, is_checkpoint)
        return True

    def _update(self, window: list, spec: Any, callbacks: Callbacks) -> None:
        """Trains on the batches of one update."""
        training = self.steps.training
        totals = training.totals(window)
        for index, batch in enumerate(window, self.progress.batch):
            callbacks.on_train_batch_begin(index)
            self.steps.train(batch, spec, totals, 1 / len(window))
            if self.accumulation > 1 and index + 1 == self.progress.batch + len(window):
                self.steps.update()
            callbacks.on_train_batch_end(index, training.logs)

    def _save(self, callbacks: Callbacks, is_checkpoint: bool = False) -> None:
        self.progress.frozen = frozen_layers(self.steps.model)
        self.progress.callbacks = callbacks.state()
        if self.run is not None:
            self.run.save(self.progress, is_checkpoint)
        self.limits.saved()

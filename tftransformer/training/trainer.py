"""The training loop."""

import math
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import check_ints, check_numbers
from tftransformer.training import preparation
from tftransformer.training.callbacks import Callbacks
from tftransformer.training.checkpoints import (
    Checkpointing,
    CheckpointStore,
    Progress,
    load_checkpoint,
    saved_states,
)
from tftransformer.training.feeding import as_batches, epoch_length, first_batch, with_last
from tftransformer.training.precision import uses_bfloat16
from tftransformer.training.signals import StopSignals
from tftransformer.training.steps import Steps


class Trainer:
    """Trains a model, resumes it exactly where it was killed, and keeps its best weights.

    The loss and the accuracy of an epoch are sums over its tokens, each times its weight, divided
    by the sum of the weights, whatever the batches, the accumulation and the number of replicas.
    Penalties of the model (`model.losses`) are trained on, but not part of the reported loss.
    After construction the model is compiled with the loss and the optimizer, so that plain
    `model.evaluate` works.

    *Precision* is the model's: build it under `keras.config.set_dtype_policy("mixed_bfloat16")`.
    With mixed_float16 the loss is scaled dynamically.

    *Resuming* restores weights, optimizer, dropout seeds, place in the data, history, and the
    counters of callbacks (`EarlyStopping.wait`, ...; not arrays such as its `best_weights`). On
    CPU the run then goes on bit by bit as if it had never been interrupted. A `CSVLogger` needs
    `append=True` not to begin its file anew.

    *Signals*: with a directory, SIGTERM and SIGINT save after the running update, and only then
    have their usual effect.

    Args:
        model: `keras.Model` that maps inputs to logits (batch, ..., classes); created under the
            scope of `strategy` if one is given.
        train: batches (inputs, labels, weights): an object with `__len__` and
            `dataset(epoch, start)`, or a finite `tf.data.Dataset`. Labels are int (batch, ...),
            weights float of the same shape, 0 at padding.
        validation: the same, evaluated after each epoch.
        loss: `keras.losses.Loss` with one value for each label; default
            `LabelSmoothedCrossEntropy(0.1)`.
        optimizer: default Adam (β 0.9, 0.98, ε 1e-9) under `CustomSchedule(model.d_model)`.
        epochs: int, number of epochs in all, those before a resume included.
        steps: int, number of updates in all after which training stops.
        minutes: float, time after which this call of `train` stops; a last validation comes on
            top. Not for clusters, whose clocks differ: use `steps`.
        directory: folder for checkpoints and history, see `CheckpointStore`; None saves nothing.
        resume: whether to go on from the newest state saved in `directory`; without one, training
            starts afresh.
        checkpointing: `Checkpointing`, when to save and what to keep.
        callbacks: `keras.callbacks.Callback`s.
        gradient_accumulation: int, number of batches for one update.
        clip_norm: float, highest global norm of the gradients of an update.
        r_drop: float, weight α of R-Drop (Liang et al. 2021, eq. 4; they train translation with
            5): each batch passes twice, under different dropout, and the divergence between the
            two predictions is trained on, too; not part of the reported loss. Twice the time.
        strategy: `tf.distribute.Strategy`; the rows of each batch are split among its replicas.
        jit_compile: whether XLA compiles the steps, each batch shape anew (one replica only).
        precision: of the matrix products of a training step on a CPU: "float32", "bfloat16", or
            "auto": bfloat16 where the processor has instructions for it and XLA does not compile.
            Weights, their updates, moments, softmax, loss and evaluation are float32 in any case.
        verbose: 0 silent, 1 progress bar, 2 one line an epoch, "auto" 1 in a terminal, else 2.

    Raises:
        ValueError: an argument, a first batch or the content of `directory` does not fit.

    Example:

    >>> trainer = Trainer(model, train, validation, epochs=20, directory="runs/de", resume=True)
    >>> history = trainer.train()
    >>> history.history["val_loss"]
    >>> trainer.load("best")
    """

    def __init__(
        self,
        model: keras.Model,
        train,
        validation=None,
        *,
        loss: keras.losses.Loss | None = None,
        optimizer: keras.optimizers.Optimizer | None = None,
        epochs: int = 1,
        steps: int | None = None,
        minutes: float | None = None,
        directory: str | Path | None = None,
        resume: bool = False,
        checkpointing: Checkpointing | None = None,
        callbacks=(),
        gradient_accumulation: int = 1,
        clip_norm: float | None = None,
        r_drop: float | None = None,
        strategy: tf.distribute.Strategy | None = None,
        jit_compile: bool = False,
        precision: str = "auto",
        verbose: str | int = "auto",
    ):
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"Trainer needs KERAS_BACKEND=tensorflow, not {keras.backend.backend()}."
            )
        self.strategy = strategy or tf.distribute.get_strategy()
        check_ints(1, epochs=epochs, gradient_accumulation=gradient_accumulation)
        check_ints(1, or_none=True, steps=steps)
        check_numbers(0, or_none=True, minutes=minutes, clip_norm=clip_norm, r_drop=r_drop)
        preparation.check_kinds(loss, checkpointing)
        preparation.check_strategy(self.strategy, jit_compile, minutes)
        preparation.check_directory(directory, resume)
        bfloat16 = uses_bfloat16(precision, jit_compile)
        self.model = model
        self._train_batches = as_batches(train, "train")
        samples = {"train": first_batch(self._train_batches, "train")}
        self._validation = None
        if validation is not None:
            self._validation = as_batches(validation, "validation")
            samples["validation"] = first_batch(self._validation, "validation")
        self._epochs, self._max_steps, self._minutes = epochs, steps, minutes
        self._accumulation = gradient_accumulation
        self._user_callbacks = preparation.check_callbacks(callbacks)
        self._verbose = verbose
        self._checkpointing = checkpointing or Checkpointing()
        self._checkpointing.check_monitor(validation is not None)
        preparation.build(model, samples, loss, optimizer, self.strategy)
        self._progress, self._store, self._directory = Progress(), None, directory
        if directory is not None:
            chief = preparation.is_chief(self.strategy)
            self._store = CheckpointStore(
                directory, model, model.optimizer, self._checkpointing, writes=chief
            )
            if resume and saved_states(directory):
                self._progress = self._store.restore()
                preparation.check_place(self._progress, epoch_length(self._train_batches))
        self._progress.length = epoch_length(self._train_batches)
        self._steps = Steps(
            model,
            self.strategy,
            clip_norm=clip_norm,
            accumulate=gradient_accumulation > 1,
            jit_compile=jit_compile,
            bfloat16=bfloat16,
            r_drop=r_drop,
        )

    def train(self) -> keras.callbacks.History:
        """Trains until the epochs, the steps or the minutes are over, or a callback stops it.

        A limit in mid-epoch saves the place, and then ends the epoch as far as it went: it is
        validated and stands in the returned history, until a resume completes it.

        Returns:
            `keras.callbacks.History`: `history` maps "loss", "accuracy" and, with validation,
            "val_loss", "val_accuracy", "val_perplexity" to one value for each epoch.
        """
        progress, callbacks = self._progress, self._make_callbacks()
        self._deadline = time.monotonic() + 60 * self._minutes if self._minutes else math.inf
        self._last_save = time.monotonic()
        self.model.stop_training = False
        guards_signals = self._store is not None and not preparation.is_cluster(self.strategy)
        with StopSignals(guards_signals) as signals:
            callbacks.on_train_begin()
            callbacks.restore(progress)
            while progress.epoch < self._epochs and not self._is_over(signals):
                self._epoch(callbacks, signals)
            callbacks.on_train_end()
        signals.deliver()
        return callbacks.history

    def evaluate(self, batches) -> dict[str, float]:
        """Loss, accuracy and perplexity over all tokens of `batches`, exact under any batching.

        Args:
            batches: as `train`.

        Returns:
            "loss" (as trained, with label smoothing), "accuracy", "perplexity" (without it).
        """
        batches = as_batches(batches, "batches")
        first_batch(batches, "batches")
        return self._evaluate(batches, StopSignals(enabled=False))

    def load(self, which: str = "best", last: int | None = None) -> None:
        """Sets the model's weights from this run's directory, see `load_checkpoint`."""
        if self._directory is None:
            raise ValueError("Nothing was saved: the Trainer was given no directory.")
        load_checkpoint(self.model, self._directory, which, last)

    def _make_callbacks(self) -> Callbacks:
        chief = preparation.is_chief(self.strategy)
        return Callbacks(
            self._user_callbacks,
            self.model,
            epochs=self._epochs,
            steps=epoch_length(self._train_batches),
            verbose=self._verbose if chief else 0,
        )

    def _is_over(self, signals) -> bool:
        """Whether training stops here, between two updates."""
        return (
            signals.received is not None
            or self.model.stop_training
            or time.monotonic() > self._deadline
            or (self._max_steps is not None and self._progress.step >= self._max_steps)
        )

    def _epoch(self, callbacks: Callbacks, signals: StopSignals) -> None:
        """Trains to the end of the epoch or of training, validates, and saves."""
        progress = self._progress
        callbacks.on_epoch_begin(progress.epoch)
        self._steps.sums.assign(progress.sums)
        complete = self._train_epoch(callbacks, signals)
        if signals.received is None:
            logs = self._logs()
            if self._validation is not None:
                callbacks.on_test_begin()
                validated = self._evaluate(self._validation, signals)
                callbacks.on_test_end(validated)
                logs.update({f"val_{name}": value for name, value in validated.items()})
        if signals.received is not None:
            if complete:  # but not validated: a resumed run comes here again
                self._save(callbacks)
            return
        callbacks.on_epoch_end(progress.epoch, logs)
        if self._store is not None:
            self._store.keep_best(callbacks.last_logs)
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
            progress.remember(callbacks.history)
            self._save(callbacks, is_checkpoint=True)
            if self._store is not None:
                self._store.write_history(progress)

    def _train_epoch(self, callbacks: Callbacks, signals: StopSignals) -> bool:
        """Trains on the batches that are left; returns whether it came to the last one.

        Where training stops before, the place is saved.
        """
        progress, accumulation = self._progress, self._accumulation
        dataset = self._train_batches.dataset(epoch=progress.epoch, start=progress.batch)
        for index, (batch, last) in enumerate(with_last(dataset), progress.batch):
            callbacks.on_train_batch_begin(index)
            self._steps.train(batch, dataset.element_spec)
            updated = last or (index + 1) % accumulation == 0
            if updated and accumulation > 1:
                self._steps.update()
            callbacks.on_train_batch_end(index, self._logs)
            if updated:
                progress.batch, progress.step = index + 1, progress.step + 1
            if updated and not last:
                is_over = self._is_over(signals)
                is_checkpoint = self._checkpointing.is_checkpoint(progress.step)
                if is_over or is_checkpoint or self._is_time_to_save():
                    self._save(callbacks, is_checkpoint)
                if is_over:
                    return False
        if not progress.batch:
            raise _no_batch("train")
        return True

    def _is_time_to_save(self) -> bool:
        seconds = self._checkpointing.every_seconds
        return seconds is not None and time.monotonic() - self._last_save >= seconds

    def _save(self, callbacks: Callbacks, is_checkpoint: bool = False) -> None:
        progress = self._progress
        progress.sums = self._steps.sums.numpy().tolist() if progress.batch else [0.0] * 3
        progress.callbacks = callbacks.state()
        if self._store is not None and not self._store.save(progress, is_checkpoint):
            warnings.warn(
                f"A weight is not finite after update {progress.step}: no checkpoint is "
                "written, the earlier ones stay. Try a lower learning rate or clip_norm=1.0.",
                stacklevel=2,
            )
        self._last_save = time.monotonic()

    def _logs(self) -> dict[str, float]:
        loss, correct, weight = self._steps.sums.numpy()
        return {"accuracy": _ratio(correct, weight), "loss": _ratio(loss, weight)}

    def _evaluate(self, batches, signals: StopSignals) -> dict[str, float]:
        sums, batch = tf.zeros((4,), "float64"), None
        dataset = batches.dataset(epoch=0, start=0)
        for batch in dataset:
            if signals.received is not None:
                break
            sums += self._steps.evaluate(batch, dataset.element_spec)
        if batch is None:
            raise _no_batch("validation" if batches is self._validation else "batches")
        loss, correct, surprise, weight = sums.numpy()
        with np.errstate(over="ignore"):  # hopeless models have an infinite perplexity
            perplexity = float(np.exp(_ratio(surprise, weight)))
        return {
            "accuracy": _ratio(correct, weight),
            "loss": _ratio(loss, weight),
            "perplexity": perplexity,
        }


def _no_batch(name: str) -> ValueError:
    return ValueError(
        f"{name} yields no batch any more. It is read more than once, so a dataset of a generator "
        "needs a function that makes a new one each time: Dataset.from_generator(make_batches, …)."
    )


def _ratio(total: float, weight: float) -> float:
    return float(total / weight) if weight else 0.0

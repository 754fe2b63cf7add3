"""The training loop."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tftransformer.core import check_ints, check_numbers
from tftransformer.training import preparation
from tftransformer.training.callbacks import Callbacks
from tftransformer.training.carrying import Carried
from tftransformer.training.checkpoints import Checkpointing
from tftransformer.training.compiling import make_scores, of_objective
from tftransformer.training.determinism import deterministic_operations
from tftransformer.training.feeding import (
    as_batches,
    epoch_length,
    first_batch,
    not_empty,
    windows,
    with_last,
)
from tftransformer.training.hooks import Carry, GradientRule, TrainStep
from tftransformer.training.limits import Limits
from tftransformer.training.progress import Progress
from tftransformer.training.run_directory import RunDirectory, check_directory, say_stopped
from tftransformer.training.signals import StopSignals
from tftransformer.training.steps import Steps
from tftransformer.training.trainable import freeze_layers, frozen_layers, may_be_trained
from tftransformer.training.updates import averaged, lent, write_averages
from tftransformer.training.winner import load_weights


class Trainer:
    """Trains a model, resumes it exactly where it was killed, and keeps its best weights.

    *Losses and metrics* are what `compile` takes. Both are exact: sums over all that has a weight,
    each value times its weight, divided by the sum of the weights, whatever the batches, the
    accumulation and the number of replicas; a metric that is no mean (F1, AUC) sees every row. What
    has weight 0 is ignored, whatever its label. The logs have Keras's names: "loss", "accuracy";
    with several outputs "NAME_loss", "NAME_accuracy". Penalties of the model (`model.losses`) are
    trained on, but not part of the reported loss.

    *The model* is built by construction, and else left as it is. While `train` runs it has the
    optimizer as `model.optimizer`, for callbacks. It is not compiled: `trainer.evaluate` evaluates
    it, or `model.evaluate` after a `model.compile` of one's own. What is frozen (`layer.trainable`)
    may change in a callback: the next step follows. The optimizer knows frozen weights, too.

    *Moving averages* of an optimizer with `use_ema=True` are what is validated, kept as the best
    and left in the model at the end; training itself goes on from the weights.

    *The device* decides precision and compilation, in one place and told in one line when training
    starts; both can be set by hand. A model that was built under a policy of its own
    (`keras.config.set_dtype_policy("mixed_bfloat16")`) keeps it. In float16 the loss is scaled
    dynamically.

    *Resuming* restores weights, optimizer, dropout seeds, place in the data, what is carried, what
    is frozen, history, and the counters of callbacks (`EarlyStopping.wait`, ...; not arrays such as
    its `best_weights`). On CPU, and on a GPU with `deterministic=True`, the run then goes on bit by
    bit as if never interrupted. A `CSVLogger` needs `append=True` not to begin its file anew.

    *Signals*: with a directory, SIGTERM and SIGINT save after the running update, and only then
    have their usual effect.

    Args:
        model: `keras.Model`; created under the scope of `strategy` if one is given. Outputs are a
            tensor, or a dict or a list of tensors; those without labels are ignored.
        train: batches (inputs, labels, weights): an object with `__len__` and
            `dataset(epoch, start)`, or a finite `tf.data.Dataset`. Labels and weights are tensors,
            or dicts of them by the names of the outputs. Labels are int (batch, ...), numbers of
            classes for outputs (batch, ..., classes), or values of the shape of the outputs.
            Weights are float, of the first axes of the labels; 0 at padding.
        validation: the same, evaluated after each epoch.
        loss: one for each output with labels, or a dict by output: `keras.losses.Loss`, a function,
            or a name of Keras's. It gives one value for each place; None in a dict trains that
            output on nothing. Default: that of `train.objective`, and without one
            `LabelSmoothedCrossEntropy(0.1)`.
        metrics: a list for the one output that has a loss, or a dict of them by output:
            `keras.metrics.Metric`, functions, or names of Keras's. Default: those of
            `train.objective`, and without one the accuracy of labels that are classes; in
            evaluation also the perplexity of tokens.
        loss_weights: factors of the losses, a dict by output.
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
        strategy: `tf.distribute.Strategy`; the rows of each batch are split among its replicas.
        jit_compile: whether XLA compiles the steps, each batch shape anew, of which `Batches` then
            come in few; with several replicas, what each computes between two sums over all;
            "auto": on a GPU, if the batches come in few shapes.
        precision: of the matrix products of a training step: "float32", "bfloat16", "float16", or
            "auto": what the device is fast in, see `core.device.choose`. Weights, their updates,
            moments, softmax, loss and evaluation are float32 in any case.
        deterministic: whether TensorFlow computes in a fixed order on a GPU, too. The switch is the
            process's and put back after training. Its price is time: some operations are slower or
            go to the CPU, functions with a state in `tf.data` run one by one, and a GPU has no XLA.
        step: `TrainStep`, what is computed of a batch, such as `recipes.RDrop(5.0)`.
        gradients: `GradientRule`, what happens to the gradients and how far each variable moves.
        carry: `Carry`, what goes from batch to batch, such as the `CarriedMemory` of Transformer-XL
            (one replica only).
        verbose: 0 silent, 1 progress bar, 2 one line an epoch, "auto" 1 in a terminal, else 2.

    Attributes:
        optimizer: the optimizer, built; in float16 wrapped in a `LossScaleOptimizer`.
        choice: `core.device.Choice`, how training steps compute.
        resumed: what a resume found, in words; empty without one.

    Raises:
        ValueError: an argument, a first batch or the content of `directory` does not fit.
        TypeError: an argument is of another kind.

    Example:

    >>> data = tt.DataProcess("en", "de", vocab_size=500)
    >>> train, validation = data.prepare(tt.everyday_corpus(size=1000).train, test_size=0.1)
    >>> vocab_size = data.source_tokenizer.vocab_size
    >>> model = tt.Transformer(1, 16, num_heads=2, dff=32, vocab_size=vocab_size)
    >>> trainer = Trainer(model, train, validation, epochs=2, directory="runs/de", verbose=0)
    >>> history = trainer.train()
    >>> history.history["val_loss"]
    [..., ...]
    >>> trainer.load("best")
    'best'
    """

    def __init__(
        self,
        model: keras.Model,
        train: Any,
        validation: Any = None,
        *,
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Mapping[str, float] | Sequence[float] | float | None = None,
        optimizer: keras.optimizers.Optimizer | str | None = None,
        epochs: int = 1,
        steps: int | None = None,
        minutes: float | None = None,
        directory: str | Path | None = None,
        resume: bool = False,
        checkpointing: Checkpointing | None = None,
        callbacks: Any = (),
        gradient_accumulation: int = 1,
        clip_norm: float | None = None,
        strategy: tf.distribute.Strategy | None = None,
        jit_compile: bool | str = "auto",
        precision: str = "auto",
        deterministic: bool = False,
        step: TrainStep | None = None,
        gradients: GradientRule | None = None,
        carry: Carry | None = None,
        verbose: str | int = "auto",
    ):
        preparation.check_backend()
        self.strategy = strategy or tf.distribute.get_strategy()
        check_ints(1, epochs=epochs, gradient_accumulation=gradient_accumulation)
        check_ints(1, or_none=True, steps=steps)
        check_numbers(0, or_none=True, minutes=minutes, clip_norm=clip_norm)
        preparation.check_kinds(checkpointing, step, gradients, carry)
        preparation.check_strategy(self.strategy, minutes, carry)
        check_directory(directory, resume)
        self.model = model
        train, validation = preparation.planned(train, validation, jit_compile, deterministic)
        given = {"train": train} | ({} if validation is None else {"validation": validation})
        data = {name: as_batches(batches, name) for name, batches in given.items()}
        preparation.check_order(carry, data)
        samples = {name: first_batch(batches, name) for name, batches in data.items()}
        self._train_batches, self._validation = data["train"], data.get("validation")
        self._epochs, self._accumulation = epochs, gradient_accumulation
        self._user_callbacks = preparation.check_callbacks(callbacks)
        self._verbose = verbose
        objective = getattr(self._train_batches, "objective", None)
        self._checkpointing = preparation.with_monitor(
            checkpointing or Checkpointing(), objective, validation is not None
        )
        self._limits = Limits(steps, minutes, self._checkpointing.every_seconds)
        tells_perplexity = metrics is None
        loss, metrics, loss_weights = of_objective(objective, loss, metrics, loss_weights)
        preparation.check_padding(model, self._train_batches)
        outputs = preparation.check_model(model, samples, self.strategy)
        self._training, self._testing = make_scores(
            model, outputs["train"], samples["train"], loss, metrics, loss_weights, tells_perplexity
        )
        preparation.check_labels(self._training, outputs, samples)
        variables = may_be_trained(model)
        if gradients is not None:
            gradients.begin(model)
        self.choice = preparation.choose_computation(
            model, self._train_batches, precision, jit_compile, deterministic
        )
        self.optimizer = preparation.make_optimizer(
            optimizer, model, variables, self.strategy, self.choice.scales_loss
        )
        self._steps = Steps(
            model,
            self.optimizer,
            self._training,
            self._testing,
            self.strategy,
            variables=variables,
            clip_norm=clip_norm,
            accumulate=gradient_accumulation > 1,
            choice=self.choice,
            step=step,
            gradients=gradients,
            carried=[Carried(carry, outputs["train"]) for _ in range(2)] if carry else [],
            say=self._say,
        )
        self._progress, self.resumed = Progress(), ""
        self._run: RunDirectory | None = None
        if directory is not None:
            self._run = RunDirectory.of(
                directory,
                model,
                self._train_batches,
                self.optimizer,
                self._steps.state,
                str(self.choice),
                self._checkpointing,
                preparation.is_chief(self.strategy),
                loss=loss,
                loss_weights=loss_weights,
                gradient_accumulation=gradient_accumulation,
                clip_norm=clip_norm,
                step=step,
                gradients=gradients,
                carry=carry,
            )
            if resume:
                self._resume(self._run)
        self._steps.spread_seeds()
        self._progress.length = epoch_length(self._train_batches)

    def train(self) -> keras.callbacks.History:
        """Trains until the epochs, the steps or the minutes are over, or a callback stops it.

        A limit in mid-epoch saves a resume point, and then ends the epoch as far as it went: it is
        validated and stands in the returned history, until a resume completes it.

        Returns:
            `keras.callbacks.History`: `history` maps "loss", the names of the metrics and, with
            validation, the same with "val_" to one value for each epoch.
        """
        told = str(self.choice)
        if self.choice.jit_compile and hasattr(self._train_batches, "padding"):
            told += f" Of all positions {self._train_batches.padding:.1%} are padding."
        self._say(told)
        callbacks = Callbacks(
            self._user_callbacks,
            self.model,
            epochs=self._epochs,
            steps=epoch_length(self._train_batches),
            verbose=self._verbose if preparation.is_chief(self.strategy) else 0,
        )
        self._limits.begin()
        self.model.stop_training = False
        guards_signals = self._run is not None and not preparation.is_cluster(self.strategy)
        keeping = self._run.training() if self._run else contextlib.nullcontext()
        fixed = deterministic_operations(self.choice.deterministic)
        lending = lent(self.model, self.optimizer)
        try:
            with keeping, fixed, StopSignals(guards_signals) as signals, lending:
                callbacks.on_train_begin()
                callbacks.restore(self._progress)
                while self._progress.epoch < self._epochs and not self._is_over(signals):
                    self._epoch(callbacks, signals)
                write_averages(self.optimizer)
                callbacks.on_train_end()
        except KeyboardInterrupt:
            say_stopped("SIGINT", self._run)
            raise
        if signals.received is not None:
            say_stopped(signals.received.name, self._run)
        signals.deliver()
        return callbacks.history

    def evaluate(self, batches: Any) -> dict[str, float]:
        """Loss and metrics over all of `batches`, exact under any batching.

        Args:
            batches: as `train`.

        Returns:
            "loss" (as trained, with label smoothing) and the metrics by name, such as "accuracy"
            and "perplexity" (without label smoothing).
        """
        batches = as_batches(batches, "batches")
        first_batch(batches, "batches")
        with deterministic_operations(self.choice.deterministic):
            return self._evaluate(batches, StopSignals(enabled=False))

    def load(self, which: str = "best", last: int | None = None) -> str:
        """Sets the model's weights from this run's directory.

        Args:
            which: "best", "last" or "average", see `load_checkpoint`; or "winner": the best epoch
                or the average, whichever is better on the validation data.
            last: the highest number of states to average; default: all that were kept.

        Returns:
            what was loaded: "best", "last" or "average".
        """
        if self._run is None:
            raise ValueError("Nothing was saved: the Trainer was given no directory.")
        loaded, said = load_weights(
            self.model, self._run, which, last, self._validation, self.evaluate
        )
        self._say(said)
        return loaded

    def _resume(self, run: RunDirectory) -> None:
        if (progress := run.resume()) is not None:
            self._progress = progress
            freeze_layers(self.model, progress.frozen)
        self.resumed = run.found
        self._say(self.resumed)

    def _say(self, text: str) -> None:
        if text and self._verbose and preparation.is_chief(self.strategy):
            print(text, flush=True)

    def _is_over(self, signals: StopSignals) -> bool:
        """Whether training stops here, between two updates."""
        stopped = signals.received is not None or self.model.stop_training
        return stopped or self._limits.are_over(self._progress.step)

    def _epoch(self, callbacks: Callbacks, signals: StopSignals) -> None:
        """Trains to the end of the epoch or of training, validates, and saves."""
        progress = self._progress
        if progress.batch:
            callbacks.on_epoch_goes_on(progress.epoch)
        else:
            callbacks.on_epoch_begin(progress.epoch)
            self._steps.begin(self._training)
        complete = self._train_epoch(callbacks, signals)
        with averaged(self.optimizer):
            if signals.received is None:
                logs = self._training.logs()
                if self._validation is not None:
                    callbacks.on_test_begin()
                    validated = self._evaluate(self._validation, signals)
                    callbacks.on_test_end(validated)
                    logs.update({f"val_{name}": value for name, value in validated.items()})
            if signals.received is None:
                callbacks.on_epoch_end(progress.epoch, logs)
                if self._run is not None:
                    self._run.store.keep_best(callbacks.last_logs)
        if signals.received is not None:
            if complete:  # but not validated: a resumed run comes here again
                self._save(callbacks)
            return
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
            progress.record(callbacks.history)
            self._save(callbacks, is_checkpoint=True)
            if self._run is not None:
                self._run.store.write_history(progress)

    def _train_epoch(self, callbacks: Callbacks, signals: StopSignals) -> bool:
        """Trains on the batches that are left; returns whether it came to the last one.

        Where training stops before, a resume point is saved.
        """
        progress = self._progress
        dataset = self._train_batches.dataset(epoch=progress.epoch, start=progress.batch)
        batches = not_empty(dataset, "train", progress.batch)
        for window, last in with_last(windows(batches, self._accumulation)):
            self._update(window, dataset.element_spec, callbacks)
            progress.batch, progress.step = progress.batch + len(window), progress.step + 1
            if not last:
                is_over = self._is_over(signals)
                is_checkpoint = self._checkpointing.is_checkpoint(progress.step)
                if is_over or is_checkpoint or self._limits.is_save_due():
                    self._save(callbacks, is_checkpoint)
                if is_over:
                    return False
        return True

    def _update(self, window: list, spec: Any, callbacks: Callbacks) -> None:
        """Trains on the batches of one update."""
        totals = self._training.totals(window)
        for index, batch in enumerate(window, self._progress.batch):
            callbacks.on_train_batch_begin(index)
            self._steps.train(batch, spec, totals, 1 / len(window))
            if self._accumulation > 1 and index + 1 == self._progress.batch + len(window):
                self._steps.update()
            callbacks.on_train_batch_end(index, self._training.logs)

    def _save(self, callbacks: Callbacks, is_checkpoint: bool = False) -> None:
        self._progress.frozen = frozen_layers(self.model)
        self._progress.callbacks = callbacks.state()
        if self._run is not None:
            self._run.save(self._progress, is_checkpoint)
        self._limits.saved()

    def _evaluate(self, batches: Any, signals: StopSignals) -> dict[str, float]:
        self._steps.begin(self._testing)
        dataset = batches.dataset(epoch=0, start=0)
        for batch in not_empty(dataset, "validation" if batches is self._validation else "batches"):
            if signals.received is not None:
                break
            self._steps.evaluate(batch, dataset.element_spec)
        return self._testing.logs()

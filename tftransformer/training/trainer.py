"""Trainer: trains a model, resumes training, and keeps the best weights."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tftransformer.training import first_batches, preparation
from tftransformer.training.callbacks import Callbacks
from tftransformer.training.carrying import Carried
from tftransformer.training.checkpoints import Checkpointing
from tftransformer.training.compiling import Asked, make_scores
from tftransformer.training.determinism import deterministic_operations
from tftransformer.training.feeding import as_batches, epoch_length, first_batch
from tftransformer.training.hooks import Carry, GradientRule, TrainStep
from tftransformer.training.limits import Limits
from tftransformer.training.loop import Loop
from tftransformer.training.progress import Progress
from tftransformer.training.run_directory import RunDirectory, say_stopped
from tftransformer.training.signals import StopSignals
from tftransformer.training.steps import Steps
from tftransformer.training.trainable import freeze_layers, may_be_trained
from tftransformer.training.updates import lent
from tftransformer.training.winner import load_weights


class Trainer:
    """Trains a model, resumes exactly where it was killed, and keeps the best weights.

    *Losses and metrics* are given as to `compile`. Both are exact: weighted sums divided by the sum
    of the weights, whatever the batches, the accumulation and the number of replicas; a metric that
    is not a mean (F1, AUC) sees every row. Labels with weight 0 are ignored, whatever their value.
    The logs have Keras's names: "loss", "accuracy"; with several outputs "NAME_loss",
    "NAME_accuracy". Penalties of the model (`model.losses`) are trained on, but not included in the
    reported loss.

    *The model* is built by the constructor, and otherwise left as it is. While `train` runs,
    `model.optimizer` is the optimizer, for callbacks. The model is not compiled: evaluate it with
    `trainer.evaluate`, or with `model.evaluate` after your own `model.compile`. A callback may
    freeze or unfreeze layers (`layer.trainable`); the next step follows. The optimizer also knows
    frozen weights.

    *Moving averages* of an optimizer with `use_ema=True` are what is validated, kept as the best
    and left in the model at the end; training itself continues from the plain weights.

    *The device* decides precision and compilation, which is reported in one line when training
    starts; both can be set by hand. A model built under its own policy
    (`keras.config.set_dtype_policy("mixed_bfloat16")`) keeps it. In float16 the loss is scaled
    dynamically.

    *Resuming* restores weights, optimizer, dropout seeds, position in the data, what is carried,
    what is frozen, history, and the counters of callbacks (`EarlyStopping.wait`, ...; not arrays
    such as its `best_weights`). On a CPU, and on a GPU with `deterministic=True`, the run then
    continues bit by bit as if never interrupted. A `CSVLogger` needs `append=True`, or it starts
    its file anew.

    *Signals*: with a directory, SIGTERM and SIGINT first save the state after the current update,
    and then have their usual effect.

    Args:
        model: `keras.Model`; created under the scope of `strategy` if one is given. Outputs are a
            tensor, or a dict or a list of tensors; those without labels are ignored.
        train: batches (inputs, labels, weights): an object with `__len__` and `dataset(epoch,
            start)`, or a finite `tf.data.Dataset`. Labels and weights are tensors, or dicts of them
            by the names of the outputs. Labels are int (batch, ...), numbers of classes for outputs
            (batch, ..., classes), or values of the shape of the outputs. Weights are float, with
            the first axes of the labels; 0 for padding.
        validation: the same, evaluated after each epoch.
        loss: one for each output with labels, or a dict by output: `keras.losses.Loss`, a function,
            or a name that Keras knows. It must return one value for each position; None in a dict
            leaves that output untrained. Default: that of `train.objective`, or
            `LabelSmoothedCrossEntropy(0.1)` without an objective.
        metrics: a list for the one output that has a loss, or a dict of them by output:
            `keras.metrics.Metric`, functions, or names that Keras knows. Default: those of
            `train.objective`, or, without an objective, the accuracy for labels that are classes;
            evaluation adds the perplexity of tokens.
        loss_weights: factors of the losses, a dict by output.
        optimizer: default Adam (β 0.9, 0.98, ε 1e-9) under `CustomSchedule(model.d_model)`.
        epochs: int, total number of epochs, including those before a resume.
        steps: int, total number of updates after which training stops.
        minutes: float, time after which this call of `train` stops, not counting a last validation.
            Not for clusters, whose clocks differ: use `steps`.
        directory: folder for checkpoints and history, see `CheckpointStore`; None saves nothing.
        resume: whether to continue from the newest state saved in `directory`; if there is none,
            training starts afresh.
        checkpointing: `Checkpointing`, when to save and what to keep.
        callbacks: `keras.callbacks.Callback`s. Those that set the learning rate, such as
            `ReduceLROnPlateau`, need an optimizer whose rate is a number.
        gradient_accumulation: int, number of batches in one update.
        clip_norm: float, highest global norm of the gradients of an update.
        strategy: `tf.distribute.Strategy`; the rows of each batch are split among its replicas.
        jit_compile: whether XLA compiles the steps. It compiles each batch shape separately, so
            `Batches` then use few shapes. With several replicas it compiles what each computes
            between two sums over all. "auto": on a GPU, if the batches come in few shapes.
        precision: of the matrix products in a training step: "float32", "bfloat16", "float16", or
            "auto": a fast one for the device, see `core.device.choose`. Weights, their updates,
            moments, softmax, loss and evaluation are float32 in any case.
        deterministic: whether TensorFlow computes in a fixed order, also on a GPU. The switch is
            global to the process and is restored after training. It costs time: some operations are
            slower or run on the CPU, stateful functions in `tf.data` run one by one, and a GPU does
            without XLA.
        step: `TrainStep`, what is computed for a batch, such as `recipes.RDrop(5.0)`.
        gradients: `GradientRule`, what is done to the gradients and how far each variable moves.
        carry: `Carry`, what is carried from batch to batch, such as the `CarriedMemory` of
            Transformer-XL (one replica only).
        verbose: 0 silent, 1 progress bar, 2 one line an epoch, "auto" 1 in a terminal, else 2.

    Attributes:
        optimizer: the optimizer, built; in float16 wrapped in a `LossScaleOptimizer`.
        choice: `core.device.Choice`, precision and compilation of the training steps.
        resumed: a sentence about what a resume found; empty without one.

    Raises:
        ValueError: an argument, the first batch or the content of `directory` does not fit.
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
        preparation.check_arguments(
            has_validation=validation is not None,
            strategy=strategy,
            optimizer=optimizer,
            epochs=epochs,
            steps=steps,
            minutes=minutes,
            directory=directory,
            resume=resume,
            checkpointing=checkpointing,
            gradient_accumulation=gradient_accumulation,
            clip_norm=clip_norm,
            jit_compile=jit_compile,
            precision=precision,
            deterministic=deterministic,
            step=step,
            gradients=gradients,
            carry=carry,
        )
        self._user_callbacks = preparation.check_callbacks(callbacks)
        self.strategy = strategy or tf.distribute.get_strategy()
        self.model = model
        train, validation = preparation.planned(train, validation, jit_compile, deterministic)
        given = {"train": train} | ({} if validation is None else {"validation": validation})
        data = {name: as_batches(batches, name) for name, batches in given.items()}
        first_batches.check_order(carry, data, model)
        samples = {name: first_batch(batches, name) for name, batches in data.items()}
        train, validation = data["train"], data.get("validation")
        self._verbose = verbose
        objective = getattr(train, "objective", None)
        asked = checkpointing
        checkpointing = preparation.with_monitor(
            checkpointing or Checkpointing(), objective, validation is not None
        )
        scored_by = Asked.of(objective, loss, metrics, loss_weights)
        first_batches.check_padding(model, train)
        outputs = first_batches.check_model(model, samples, self.strategy)
        training, testing = make_scores(
            model,
            outputs["train"],
            samples["train"],
            scored_by,
            may_block=step is None,
        )
        first_batches.check_objective(objective, training, samples["train"], self.strategy)
        told = [*training.logs()]
        if validation is not None:
            told += [f"val_{name}" for name in testing.logs()]
        preparation.check_monitors(self._user_callbacks, asked, told)
        self._told = training.told
        first_batches.check_labels(training, outputs, samples)
        first_batches.check_padding_rows(training, data, self.strategy)
        variables = may_be_trained(model)
        if gradients is not None:
            gradients.begin(model)
        self.choice = preparation.choose_computation(
            model, train, precision, jit_compile, deterministic
        )
        self.optimizer = preparation.make_optimizer(
            optimizer, model, variables, self.strategy, self.choice.scales_loss
        )
        preparation.check_rate(self._user_callbacks, self.optimizer)
        batch_steps = Steps(
            model,
            self.optimizer,
            training,
            testing,
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
        progress, self.resumed = Progress(), ""
        run: RunDirectory | None = None
        if directory is not None:
            run = RunDirectory.of(
                directory,
                model,
                train,
                self.optimizer,
                batch_steps.state,
                str(self.choice),
                checkpointing,
                preparation.is_chief(self.strategy),
                loss=scored_by.loss,
                loss_weights=scored_by.loss_weights,
                gradient_accumulation=gradient_accumulation,
                clip_norm=clip_norm,
                step=step,
                gradients=gradients,
                carry=carry,
            )
            if resume:
                progress = self._resume(run) or progress
        batch_steps.spread_seeds()
        progress.length = epoch_length(train)
        self._loop = Loop(
            batch_steps,
            train,
            validation,
            epochs=epochs,
            accumulation=gradient_accumulation,
            limits=Limits(steps, minutes, checkpointing.every_seconds),
            checkpointing=checkpointing,
            progress=progress,
            run=run,
        )

    def train(self) -> keras.callbacks.History:
        """Trains until the epochs, the steps or the minutes are over, or a callback stops it.

        A limit in mid-epoch saves a resume point, and then ends the epoch as far as it went: it is
        validated and stands in the returned history, until a resume completes it.

        Returns:
            `keras.callbacks.History`: `history` maps "loss", the names of the metrics and, with
            validation, the same with "val_" to one value for each epoch.
        """
        told, batches, run = str(self.choice), self._loop.train, self._loop.run
        if self.choice.jit_compile and hasattr(batches, "padding"):
            told += f" Of all positions {batches.padding:.1%} are padding."
        self._say(told + self._told)
        callbacks = Callbacks(
            self._user_callbacks,
            self.model,
            epochs=self._loop.epochs,
            steps=epoch_length(batches),
            verbose=self._verbose if preparation.is_chief(self.strategy) else 0,
        )
        self.model.stop_training = False
        guards_signals = run is not None and not preparation.is_cluster(self.strategy)
        keeping = run.training() if run else contextlib.nullcontext()
        fixed = deterministic_operations(self.choice.deterministic)
        lending = lent(self.model, self.optimizer)
        try:
            with keeping, fixed, StopSignals(guards_signals) as signals, lending:
                self._loop(callbacks, signals)
        except KeyboardInterrupt:
            say_stopped("SIGINT", run)
            raise
        if signals.received is not None:
            say_stopped(signals.received.name, run)
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
            return self._loop.evaluate(batches, "batches", StopSignals(enabled=False))

    def load(self, which: str = "best", last: int | None = None) -> str:
        """Sets the model's weights from this run's directory.

        Args:
            which: "best", "last" or "average", see `load_checkpoint`; or "winner": the best epoch
                or the average, whichever is better on the validation data.
            last: the highest number of states to average; default: all that were kept.

        Returns:
            what was loaded: "best", "last" or "average".
        """
        if self._loop.run is None:
            raise ValueError("Nothing was saved: the Trainer was given no directory.")
        loaded, said = load_weights(
            self.model, self._loop.run, which, last, self._loop.validation, self.evaluate
        )
        self._say(said)
        return loaded

    def _resume(self, run: RunDirectory) -> Progress | None:
        """Takes up the newest state, and returns where it stands, if there is one."""
        if (progress := run.resume()) is not None:
            freeze_layers(self.model, progress.frozen)
        self.resumed = run.found
        self._say(self.resumed)
        return progress

    def _say(self, text: str) -> None:
        if text and self._verbose and preparation.is_chief(self.strategy):
            print(text, flush=True)

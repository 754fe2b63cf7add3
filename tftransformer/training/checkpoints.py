"""Checkpoints of everything a run needs to go on, and of weights worth keeping."""

import dataclasses
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import check_ints, check_numbers, replacing


@dataclasses.dataclass(frozen=True)
class Checkpointing:
    """When to save, what to keep.

    A checkpoint is written at the end of each epoch. What a stop or the clock saves between two of
    them is a place to resume from, which a newer one replaces: what is averaged at the end does not
    depend on when a run was interrupted, or how fast it was.

    Args:
        every_steps: int, write a checkpoint after as many updates, too.
        every_seconds: float, save the place after as many seconds, too.
        keep_last: int, number of newest checkpoints to keep.
        monitor: key of the logs that tells the best weights; default "val_loss", and "loss" if
            there is no validation.
        mode: "min" or "max": whether less or more of `monitor` is better.
    """

    every_steps: int | None = None
    every_seconds: float | None = 600.0
    keep_last: int = 5
    monitor: str | None = None
    mode: str = "min"

    def __post_init__(self):
        check_ints(1, keep_last=self.keep_last)
        check_ints(1, or_none=True, every_steps=self.every_steps)
        check_numbers(0, or_none=True, every_seconds=self.every_seconds)
        if self.mode not in ("min", "max"):
            raise ValueError(f"Checkpointing(mode={self.mode!r}): expected 'min' or 'max'.")

    def check_monitor(self, has_validation: bool) -> None:
        """Raises a ValueError if nothing will ever log the monitored key."""
        if str(self.monitor).startswith("val_") and not has_validation:
            raise ValueError(
                f"Checkpointing(monitor={self.monitor!r}) needs validation data: "
                "Trainer(model, train, validation)."
            )

    def is_checkpoint(self, step: int) -> bool:
        """Whether the state after that update, within an epoch, is a checkpoint."""
        return self.every_steps is not None and step % self.every_steps == 0

    def is_better(self, value: float, best: float | None) -> bool:
        if not np.isfinite(value):
            return False
        return best is None or (value < best if self.mode == "min" else value > best)


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

    def remember(self, history: keras.callbacks.History) -> None:
        """Takes over the logs, as plain numbers."""
        self.history = {
            name: [float(value) for value in column] for name, column in history.history.items()
        }
        self.epochs = list(history.epoch)


class CheckpointStore:
    """The directory of a run.

    - `checkpoints/`: the newest `keep_last` states of weights, optimizer, random seeds, progress;
    - `resume/`: the last state that was saved between two of those;
    - `best/`: weights of the best epoch;
    - `history.csv`: logs of the finished epochs.

    A kill at any moment leaves the files of the last complete save in place.

    Args:
        directory: folder of the run; made if missing.
        model: built model.
        optimizer: built optimizer.
        settings: `Checkpointing`.
        state: variables that hold where an epoch stands, as `Steps.state`.
        writes: False for the workers of a cluster that only read.
    """

    def __init__(
        self,
        directory,
        model,
        optimizer,
        settings: Checkpointing,
        *,
        state: Sequence[tf.Variable],
        writes: bool = True,
    ):
        self.directory = Path(directory)
        self.settings = settings
        self._model, self._optimizer = model, optimizer
        self._writes = writes
        # Raw variables: saving the Keras objects would lose the state of the dropout seeds.
        self._progress = tf.Variable("", dtype=tf.string, trainable=False)
        self._best = tf.Variable(np.nan, dtype=tf.float64, trainable=False)
        weights = _raw(model.variables)
        self._epoch_state = list(state)
        self._state = tf.train.Checkpoint(
            model=weights,
            optimizer=_raw(optimizer.variables),
            metrics=self._epoch_state,
            progress=self._progress,
        )
        self._checkpoints = self._manager("checkpoints", self._state, settings.keep_last)
        self._place = self._manager("resume", self._state, 1)
        self._best_only = self._manager(
            "best", tf.train.Checkpoint(model=weights, best=self._best), 1
        )

    def _manager(self, folder: str, state: tf.train.Checkpoint, keep: int):
        path = self.directory / folder
        path.mkdir(parents=True, exist_ok=True)  # an OSError at once, where nothing may be written
        return tf.train.CheckpointManager(state, str(path), max_to_keep=keep)

    def save(self, progress: Progress, is_checkpoint: bool) -> bool:
        """Writes everything, unless a weight is not finite; returns whether it did.

        Args:
            progress: where the run stands.
            is_checkpoint: whether the state is kept among the checkpoints; else it is a place to
                resume from, until the next save.
        """
        if not all(_is_finite(variable) for variable in _raw(self._model.trainable_variables)):
            return False
        if self._writes:
            self._progress.assign(json.dumps(dataclasses.asdict(progress)))
            manager = self._checkpoints if is_checkpoint else self._place
            manager.save(checkpoint_number=progress.step)
        return True

    def restore(self) -> Progress:
        """Sets all variables from the newest saved state and returns where the run stood."""
        newest = saved_states(self.directory)[-1]
        _check(
            newest,
            model=self._model.variables,
            optimizer=self._optimizer.variables,
            metrics=self._epoch_state,
        )
        self._state.restore(newest).assert_consumed()
        if self._best_only.latest_checkpoint:
            reader = tf.train.load_checkpoint(self._best_only.latest_checkpoint)
            self._best.assign(reader.get_tensor(_key("best")))
        return Progress(**json.loads(self._progress.numpy()))

    def keep_best(self, logs: dict[str, float]) -> None:
        """Writes the weights to `best/` if `logs` are the best so far."""
        monitor = self.settings.monitor or ("val_loss" if "val_loss" in logs else "loss")
        if monitor not in logs:
            warnings.warn(
                f"Checkpointing(monitor={monitor!r}): the logs hold only "
                f"{', '.join(map(repr, logs))}; no best weights are kept.",
                stacklevel=2,
            )
            return
        best = float(self._best)
        value = float(logs[monitor])
        if self.settings.is_better(value, None if np.isnan(best) else best):
            self._best.assign(value)
            if self._writes:
                self._best_only.save()

    def write_history(self, progress: Progress) -> None:
        """Writes `history.csv`, whole or not at all."""
        if not self._writes:
            return
        lines = [",".join(["epoch", *progress.history])]
        rows = zip(progress.epochs, *progress.history.values(), strict=True)
        lines += [",".join(map(repr, row)) for row in rows]
        with replacing(self.directory / "history.csv") as beside:
            beside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def saved_states(directory: str | Path) -> list[str]:
    """Paths of the states a run can go on from, oldest first.

    These are its checkpoints, and the place where it was saved after them.
    """
    checkpoints, place = _managed(directory, "checkpoints"), _managed(directory, "resume")
    if checkpoints and place and _step(place[-1]) <= _step(checkpoints[-1]):
        return checkpoints
    return checkpoints + place


def load_checkpoint(
    model: keras.Model, directory: str | Path, which: str = "best", last: int | None = None
) -> None:
    """Sets the weights of a built model from the directory of a training run.

    Args:
        model: built `keras.Model` of the same architecture.
        directory: what `Trainer(directory=...)` was given.
        which: "best" epoch, "last" saved state, or "average" of the newest checkpoints and a place
            saved after them, which often beats each of them (Vaswani et al. 2017, §6.1).
        last: int, the highest number of states to average; default: all that were kept.

    Raises:
        ValueError: there is no checkpoint, or it holds another model.

    Example:

    >>> load_checkpoint(model, "runs/de", "average", last=5)
    """
    if which not in ("best", "last", "average"):
        raise ValueError(f"which={which!r}: expected 'best', 'last' or 'average'.")
    if last is not None and (which != "average" or last < 1):
        raise ValueError(f"last={last} goes with which='average' and is at least 1.")
    paths = _managed(directory, "best") if which == "best" else saved_states(directory)
    if not paths:
        raise ValueError(
            f"'{directory}' holds no checkpoint to load as {which!r}: no training has saved one "
            "there yet."
        )
    paths = paths[-(last or len(paths)) :] if which == "average" else paths[-1:]
    for path in paths:
        _check(path, model=model.variables)
    readers = [tf.train.load_checkpoint(path) for path in paths]
    for index, variable in enumerate(model.variables):
        values = [reader.get_tensor(_key(f"model/{index}")) for reader in readers]
        if np.issubdtype(np.asarray(values[-1]).dtype, np.integer):
            variable.assign(values[-1])  # seeds and counters have no mean
        else:
            mean = np.mean([np.asarray(value, "float64") for value in values], axis=0)
            variable.assign(mean.astype(values[-1].dtype))


def _managed(directory: str | Path, folder: str) -> list[str]:
    """Paths of what a `CheckpointManager` keeps in a folder, oldest first."""
    state = tf.train.get_checkpoint_state(str(Path(directory) / folder))
    return list(state.all_model_checkpoint_paths) if state else []


def _step(path: str) -> int:
    """Number of updates before a state, by its name."""
    return int(path.rpartition("-")[2])


def _raw(variables) -> list[tf.Variable]:
    return [variable.value for variable in variables]


def _is_finite(variable) -> bool:
    return bool(tf.reduce_all(tf.math.is_finite(variable)))


def _key(name: str) -> str:
    return f"{name}/.ATTRIBUTES/VARIABLE_VALUE"


def _check(path: str, **groups) -> None:
    """Raises a ValueError unless the checkpoint holds variables of these shapes."""
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    for group, variables in groups.items():
        found = sum(key.startswith(f"{group}/") for key in shapes)
        if found != len(variables):
            raise ValueError(
                f"{path} was written by another {group}: it holds {found} {group} variables, "
                f"this {group} has {len(variables)}."
            )
        for index, variable in enumerate(variables):
            shape = tuple(shapes[_key(f"{group}/{index}")])
            if not tf.TensorShape(variable.shape).is_compatible_with(shape):
                name = getattr(variable, "path", f"variable {index}")
                raise ValueError(
                    f"{path} was written by another {group}: {name} is of shape "
                    f"{shape} there, of shape {tuple(variable.shape)} here."
                )

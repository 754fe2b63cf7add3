"""Checkpoints of everything that a run needs to continue, and of the best weights."""

import dataclasses
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import check_choice, check_ints, check_numbers, replacing
from tftransformer.training.progress import Progress
from tftransformer.training.states import DamagedStateError, State, StateFolder
from tftransformer.training.trainable import all_finite


@dataclasses.dataclass(frozen=True)
class Checkpointing:
    """When to save, and what to keep.

    A checkpoint is written at the end of each epoch. A save between two checkpoints, at a stop or
    by the clock, is a resume point, which the next save replaces. So the checkpoints that are
    averaged at the end do not depend on when a run was interrupted, or how fast it was.

    Args:
        every_steps: int, also write a checkpoint after every so many updates.
        every_seconds: float, also save a resume point after every so many seconds.
        keep_last: int, number of newest checkpoints to keep.
        monitor: key of the logs by which the best weights are chosen; default "val_loss", or "loss"
            without validation.
        mode: "min" or "max": whether a lower or a higher `monitor` is better.
    """

    every_steps: int | None = None
    every_seconds: float | None = 600.0
    keep_last: int = 5
    monitor: str | None = None
    mode: str = "min"

    def __post_init__(self) -> None:
        check_ints(1, keep_last=self.keep_last)
        check_ints(1, or_none=True, every_steps=self.every_steps)
        check_numbers(0, or_none=True, every_seconds=self.every_seconds)
        check_choice(("min", "max"), mode=self.mode)

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
        """Whether a value of `monitor` is finite, and better than the best until now, if any."""
        if not np.isfinite(value):
            return False
        return best is None or (value < best if self.mode == "min" else value > best)


@dataclasses.dataclass(frozen=True)
class Found:
    """A whole state that a run can go on from, read and checked.

    Attributes:
        state: where it lies.
        progress: where the run stood.
        values: the values of its variables, by key.
        damaged: newer states, which cannot be read, and why.
    """

    state: State
    progress: Progress
    values: dict[str, np.ndarray]
    damaged: dict[State, str]


class CheckpointStore:
    """The states in the directory of a run.

    - `checkpoints/`: the newest `keep_last` states of weights, optimizer, random seeds, progress;
    - `resume/`: the last state that was saved between two of those;
    - `best/`: weights of the best epoch;
    - `history.csv`: logs of the finished epochs.

    A kill at any moment leaves the files of the last complete save in place.

    Args:
        directory: folder of the run.
        groups: name → variables of what is saved; "model" are those of the built model.
        settings: `Checkpointing`.
        writes: False for the workers of a cluster that only read.
    """

    def __init__(
        self,
        directory: str | Path,
        groups: Mapping[str, Sequence[keras.Variable | tf.Variable]],
        settings: Checkpointing,
        writes: bool = True,
    ):
        self.directory = Path(directory)
        self.settings = settings
        self.writes = writes
        self.newest: State | None = None  # that this store has read or written
        # Raw variables: saving the Keras objects would lose the state of the dropout seeds.
        self._groups = {name: _raw(variables) for name, variables in groups.items()}
        self._variables = groups
        self._progress = tf.Variable("", dtype=tf.string, trainable=False)
        self._best = tf.Variable(np.nan, dtype=tf.float64, trainable=False)
        self._folders = state_folders(directory)
        self._damaged: list[State] = []

    @property
    def state_bytes(self) -> int:
        """Size of one state."""
        groups = self._groups.values()
        return sum((v.shape.num_elements() or 0) * v.dtype.size for group in groups for v in group)

    def begin(self) -> None:
        """Clears what killed saves left, once nobody else can be writing.

        Raises:
            ValueError: another run has saved here since this one looked.
        """
        if not self.writes:
            return
        states = saved_states(self.directory)
        newest = next((state for state in reversed(states) if state not in self._damaged), None)
        if newest != self.newest:
            raise ValueError(
                f"{self.directory} is in use by another run: it has saved {newest} since this "
                "Trainer was made. Make the Trainer anew, with resume=True to go on with that run, "
                "or with another directory."
            )
        for folder in self._folders.values():
            folder.clean()
        for state in self._damaged:
            StateFolder(state.folder).set_aside(state)
        self._damaged = []

    def save(self, progress: Progress, is_checkpoint: bool) -> bool:
        """Writes everything, unless a weight is not finite; returns whether it did.

        Args:
            progress: where the run stands.
            is_checkpoint: whether the state is kept among the checkpoints; else it is a resume
                point, until the next save.

        Raises:
            OSError: the disk took no more.
        """
        if not all_finite(self._variables["model"]):
            return False
        folder = self._folders["checkpoints" if is_checkpoint else "resume"]
        state = State(progress.step, folder.path)
        if self.writes and state != self.newest:
            self._progress.assign(json.dumps(dataclasses.asdict(progress)))
            everything = {**self._groups, "progress": self._progress}
            self._write(folder, state, everything, self.settings.keep_last if is_checkpoint else 1)
        self.newest = state
        return True

    def find(self) -> Found | None:
        """Reads the newest state that is whole; no variable is changed yet.

        Raises:
            ValueError: there are states, but none is whole.
        """
        damaged: dict[State, str] = {}
        for state in reversed(saved_states(self.directory)):
            try:
                values = state.read([*self._groups, "progress"])
                progress = _progress_of(state, values)
            except DamagedStateError as error:
                damaged[state] = str(error)
                continue
            return Found(state, progress, values, damaged)
        if damaged:
            raise ValueError(
                f"{self.directory}: no state of this run can be read. {' '.join(damaged.values())} "
                "Put its files back, or begin another run: directory='...'."
            )
        return None

    def mismatches(self, found: Found) -> list[str]:
        """Returns a line for each group of variables that is not like that of a state."""
        return _mismatches(found.state, found.values, self._variables)

    def restore(self, found: Found) -> None:
        """Sets all variables from a state that was found."""
        for group, variables in self._groups.items():
            for index, variable in enumerate(variables):
                variable.assign(found.values[_key(f"{group}/{index}")])
        self.newest, self._damaged = found.state, list(found.damaged)
        for best in self._folders["best"].states()[-1:]:
            try:
                values = best.read(["model", "best"])
            except DamagedStateError as error:
                warnings.warn(f"{error} The best of the epochs to come is kept.", stacklevel=2)
                self._damaged.append(best)
            else:
                self._best.assign(values[_key("best")])

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
            if self.writes:
                folder = self._folders["best"]
                number = max([0, *(state.number for state in folder.states())]) + 1
                content = {"model": self._groups["model"], "best": self._best}
                self._write(folder, State(number, folder.path), content, 1)

    def write_history(self, progress: Progress) -> None:
        """Writes `history.csv`, whole or not at all."""
        if not self.writes:
            return
        lines = [",".join(["epoch", *progress.history])]
        rows = zip(progress.epochs, *progress.history.values(), strict=True)
        lines += [",".join(map(repr, row)) for row in rows]
        with replacing(self.directory / "history.csv") as beside:
            beside.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _write(self, folder: StateFolder, state: State, content: dict, keep: int) -> None:
        try:
            folder.write(state.number, tf.train.Checkpoint(**content), keep)
        except (OSError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            kept = f"{self.newest} is whole" if self.newest else "no state was saved before"
            raise OSError(
                f"{state} could not be written ({reason}); {kept}. Make room on the disk, and go "
                "on with resume=True."
            ) from error


def state_folders(directory: str | Path) -> dict[str, StateFolder]:
    """The folders of states in the directory of a run, by name."""
    return {name: StateFolder(Path(directory) / name) for name in ("checkpoints", "resume", "best")}


def saved_states(directory: str | Path) -> list[State]:
    """All states a run can go on from, oldest first.

    These are its checkpoints and the resume point between two of them; at the same update the
    checkpoint counts.
    """
    folders = state_folders(directory)
    states = [*folders["resume"].states(), *folders["checkpoints"].states()]
    return sorted(states, key=lambda state: state.number)


def load_checkpoint(
    model: keras.Model, directory: str | Path, which: str = "best", last: int | None = None
) -> None:
    """Sets the weights of a built model from the directory of a training run.

    All of them, or, where a file is damaged, none.

    Args:
        model: built `keras.Model` of the same architecture.
        directory: what `Trainer(directory=...)` was given.
        which: "best" epoch, "last" saved state, or "average" of the newest checkpoints and a resume
            point after them (Vaswani et al. 2017, §6.1). The average of a long run often beats
            each of them, that of a short one is often worse: `Trainer.load("winner")` tries.
        last: int, the highest number of states to average; default: all that were kept.

    Raises:
        ValueError: there is no checkpoint, one is damaged or lost, or it holds another model.

    Example:

    >>> ids = np.ones((2, 3), "int32")
    >>> train = tf.data.Dataset.from_tensors((ids, ids, np.ones((2, 3), "float32")))
    >>> model = tt.Gpt2(10, 1, 8, 2).only("lm")
    >>> history = tt.Trainer(model, train, epochs=2, directory="runs/gpt2", verbose=0).train()
    >>> load_checkpoint(model, "runs/gpt2", "average", last=2)
    """
    check_choice(("best", "last", "average"), which=which)
    if last is not None and (which != "average" or last < 1):
        raise ValueError(f"last={last} goes with which='average' and is at least 1.")
    states = states_to_load(directory, which)
    if not states:
        raise ValueError(
            f"'{directory}' holds no checkpoint to load as {which!r}: no training has saved one "
            "there yet."
        )
    states = states[-(last or len(states)) :] if which == "average" else states[-1:]
    means = _mean_of(states, model, directory, which)
    for variable, mean in zip(model.variables, means, strict=True):
        variable.assign(mean)


def states_to_load(directory: str | Path, which: str) -> list[State]:
    """The states that make up the weights called so."""
    folders = state_folders(directory)
    if which == "best":
        return folders["best"].states()
    checkpoints, point = folders["checkpoints"].states(), folders["resume"].states()[-1:]
    if checkpoints and point and point[0].number <= checkpoints[-1].number:
        return checkpoints
    return checkpoints + point


def _mean_of(
    states: list[State], model: keras.Model, directory: str | Path, which: str
) -> list[np.ndarray]:
    """Returns the mean of each variable of the model over some states."""
    sums: list[np.ndarray] = []
    newest: list[np.ndarray] = []
    for state in states:
        try:
            values = state.read(["model"])
        except DamagedStateError as error:
            raise DamagedStateError(
                f"{error} The weights of the model are as they were. To load {which!r} without "
                f"that state: tftransformer.training.repair_run({str(directory)!r})."
            ) from error
        for line in _mismatches(state, values, {"model": model.variables}):
            raise ValueError(f"{line}.")
        newest = [values[_key(f"model/{index}")] for index in range(len(model.variables))]
        parts = [np.asarray(value, "float64") if _has_mean(value) else value for value in newest]
        sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
    return [
        (total / len(states)).astype(value.dtype) if _has_mean(value) else value
        for total, value in zip(sums, newest, strict=True)
    ]


def _has_mean(value: np.ndarray) -> bool:
    return not np.issubdtype(value.dtype, np.integer)  # seeds and counters have none


def _progress_of(state: State, values: dict[str, np.ndarray]) -> Progress:
    try:
        progress = Progress.parse(values[_key("progress")].item())
    except (KeyError, ValueError) as error:
        raise DamagedStateError(f"{state} is no state of a Trainer: {error}.") from error
    if progress.step != state.number:
        raise DamagedStateError(
            f"{state} is the state after update {progress.step}, by another name."
        )
    return progress


def _raw(variables: Iterable[keras.Variable]) -> list[tf.Variable]:
    return [v.value if isinstance(v, keras.Variable) else v for v in variables]


def _key(name: str) -> str:
    return f"{name}/.ATTRIBUTES/VARIABLE_VALUE"


def _mismatches(
    state: State, values: Mapping[str, np.ndarray], groups: Mapping[str, Sequence]
) -> list[str]:
    """Returns a line for each group of variables that is of another number, shape or type."""
    lines = []
    for group, variables in groups.items():
        said = f"{state} was written by another {group}"
        found = sum(key.startswith(f"{group}/") for key in values)
        if found != len(variables):
            has = f"it holds {found} {group} variables, this {group} has {len(variables)}"
            lines.append(f"{said}: {has}")
            continue
        for index, variable in enumerate(variables):
            value, shape = values[_key(f"{group}/{index}")], tf.TensorShape(variable.shape)
            there, here = (value.shape, value.dtype), (tuple(shape), tf.as_dtype(variable.dtype))
            fits = shape.is_compatible_with(value.shape), here[1] == value.dtype
            for what, fit, a, b in zip(("shape", "type"), fits, there, here, strict=True):
                if not fit:
                    name = getattr(variable, "path", variable.name)
                    lines.append(f"{said}: {name} is of {what} {a} there, of {what} {b} here")
                    return lines
    return lines

"""A run: what it is, where it stands, and the directory that keeps both."""

import contextlib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tftransformer.training.access import check_unlocked, check_writable, locked
from tftransformer.training.checkpoints import (
    Checkpointing,
    CheckpointStore,
    saved_states,
    state_folders,
)
from tftransformer.training.progress import Progress
from tftransformer.training.run_record import RunRecord, record_of


class RunDirectory:
    """The directory of a run, see `CheckpointStore` and `RunRecord`.

    Args:
        directory: directory of the run; made if missing.
        groups: name → variables that make up its state; "model" are those of the model.
        record: what it is begun or resumed with.
        checkpointing: when to save, what to keep.
        writes: False for the workers of a cluster that only read.

    Attributes:
        found: what a resume found, in words.
    """

    def __init__(
        self,
        directory: str | Path,
        groups: Mapping[str, Sequence[keras.Variable | tf.Variable]],
        record: RunRecord,
        checkpointing: Checkpointing,
        writes: bool = True,
    ):
        self.directory = Path(directory)
        self.record, self.checkpointing = record, checkpointing
        self.store = CheckpointStore(directory, groups, checkpointing, writes)
        self.found = f"{directory} holds no state yet: the run begins."
        if writes:
            check_writable(directory, self.store.state_bytes)

    @classmethod
    def of(
        cls,
        directory: str | Path,
        model: keras.Model,
        train: Any,
        optimizer: keras.optimizers.Optimizer,
        state: Sequence[tf.Variable],
        device: str,
        checkpointing: Checkpointing,
        writes: bool,
        **settings: Any,
    ) -> "RunDirectory":
        """Returns the directory of a run of these parts.

        Args:
            directory: directory of the run.
            model: what is trained, built.
            train: its batches.
            optimizer: its optimizer, built.
            state: the variables that hold where an epoch stands.
            device: how steps compute, in words.
            checkpointing, writes: see the class.
            **settings: what else must be as it was for a resume.
        """
        groups = {"model": model.variables, "optimizer": optimizer.variables, "metrics": state}
        record = record_of(model, train, optimizer=optimizer, device=device, **settings)
        return cls(directory, groups, record, checkpointing, writes)

    def resume(self) -> Progress | None:
        """Sets all variables from the newest whole state, and returns where the run stood.

        Raises:
            ValueError: the run was begun with others, or none of its states can be read; nothing
                has been changed.
        """
        found = self.store.find()
        if found is None:
            return None
        self._compare(found.progress, self.store.mismatches(found))
        self.store.restore(found)
        for reason in found.damaged.values():
            warnings.warn(f"{reason} The run goes on from {found.state}.", stacklevel=3)
        self.found = f"{self.directory} goes on from {found.state}: {found.progress}."
        return found.progress

    def save(self, progress: Progress, is_checkpoint: bool) -> None:
        """Saves a state, or warns that it is not worth it; see `CheckpointStore.save`."""
        if not self.store.save(progress, is_checkpoint):
            warnings.warn(
                f"A weight is not finite after update {progress.step}: no checkpoint is "
                "written, the earlier ones stay. Try a lower learning rate or clip_norm=1.0.",
                stacklevel=3,
            )

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Keeps the directory for this process.

        Raises:
            ValueError: another one trains there, or has since this run was made.
        """
        if not self.store.writes:
            yield
            return
        with locked(self.directory):
            self.store.begin()
            self.record.write(self.directory)
            yield

    def saved(self) -> str:
        """Returns what was saved, and how to go on."""
        newest = self.store.newest
        saved = f"{newest} is the state to go on from" if newest else "nothing was saved yet"
        given = f"directory={str(self.directory)!r}, resume=True"
        return f"{saved}: the same call with {given} does."

    def _compare(self, progress: Progress, different: list[str]) -> None:
        """Raises a ValueError for what differs, those lines included, from what a run had."""
        before = RunRecord.read(self.directory)
        length = self.record.parts["data"]["batches"]
        if before is None:
            warnings.warn(
                f"{self.directory} has no run.json: whether data, model and settings are those it "
                "was begun with is not known.",
                stacklevel=4,
            )
        else:
            different = [*different, *before.differences(self.record)]
            if before.device != self.record.device:
                warnings.warn(
                    f"The run was begun with {before.device} and goes on with "
                    f"{self.record.device}: not bit by bit as it would have.",
                    stacklevel=4,
                )
        if progress.batch and None not in (progress.length, length) and progress.length != length:
            different = [line for line in different if not line.startswith("data:")]
            different.append(
                f"data: the run stopped after batch {progress.batch} of {progress.length}, but "
                f"train has {length} batches: rows would be skipped or repeated"
            )
        if different:
            lines = "".join(f"\n- {line}" for line in different)
            raise ValueError(
                f"{self.directory} was begun with others than are given now:{lines}\nResume with "
                "what it was begun with, or begin another run: directory='...'."
            )


def say_stopped(signal: str, run: RunDirectory | None) -> None:
    """Says what was saved before a signal stopped training, and how to go on."""
    said = "nothing was saved: the Trainer was given no directory=... to save in."
    print(f"{signal}: {run.saved() if run else said}", file=sys.stderr, flush=True)


def check_directory(directory: str | Path | None, resume: bool) -> None:
    """Raises an error if a fresh run would mix with an earlier one, or with one that runs."""
    if directory is None:
        if resume:
            raise ValueError("resume=True needs the directory of the run: directory='runs/...'.")
        return
    if Path(directory).exists() and not Path(directory).is_dir():
        raise NotADirectoryError(f"{directory} is not a folder: the run needs its own folder.")
    check_unlocked(directory)
    if not resume and saved_states(directory):
        raise ValueError(
            f"{directory} holds the checkpoints of an earlier run. Go on with it: resume=True; "
            "or begin another: directory='...'."
        )


def repair_run(directory: str | Path) -> list[str]:
    """Makes a run with damaged files one to go on with, as far as its states are whole.

    States that cannot be read are set aside, their files renamed to end in ".damaged", and the
    others are named anew in the files `checkpoint`. Nothing is deleted.

    Args:
        directory: what `Trainer(directory=...)` was given.

    Returns:
        what was wrong, a sentence each.

    Raises:
        ValueError: a Trainer is at work there.
    """
    with locked(directory):
        folders = state_folders(directory).values()
        return [sentence for folder in folders for sentence in folder.repair()]

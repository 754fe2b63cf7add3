"""States on the disk, in TensorFlow's format.

`ckpt-18.index` and `ckpt-18.data-…` are the state after update 18; the index comes last and goes
first, so that what has one is whole. TensorFlow's file `checkpoint` beside them names them, and so
tells which are lost; a state that it does not name yet was written just before a kill.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tftransformer.core import clear_leftovers, replacing, to_disk

_FILE = re.compile(r"ckpt-(\d+)\.(?:index|data-\d{5}-of-(\d{5}))")
_UNFINISHED = re.compile(r"\.ckpt-.*|ckpt-\d+_temp")
_NAMES, _BEGIN, _END = "checkpoint", "# The states of a run, oldest first.", "# end"
_NAMED = re.compile(r'all_model_checkpoint_paths: "(?:.*/)?ckpt-(\d+)"')
_OTHERS = re.compile(r'#.*|model_checkpoint_path: ".*"|(all_model|last)_\w+_timestamps?: [\d.e+]+')


class DamagedStateError(ValueError):
    """A state that cannot be read."""


@dataclasses.dataclass(frozen=True, order=True)
class State:
    """One state, which may be damaged or lost.

    Args:
        number: that of the update after which it was saved.
        folder: where it lies.
    """

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """What the names of its files begin with."""
        return f"ckpt-{self.number}"

    def __str__(self) -> str:
        return str(self.folder / self.name)

    @property
    def files(self) -> list[Path]:
        """Its files that are there, the index last."""
        names = sorted(_listed(self.folder).get(self.number, ()))
        return [self.folder / name for name in names]

    def read(self, groups: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Returns the values of groups of variables, such as "model", by their keys.

        Args:
            groups: which; default: all.

        Raises:
            DamagedStateError: a file is missing, or holds other bytes than were written.
        """
        groups = None if groups is None else set(groups)
        names = [file.name for file in self.files]
        if not names or names[-1] != f"{self.name}.index" or len(names) < 2:
            kept = (
                f"of its files only {', '.join(names)} are there" if names else "no file of it is"
            )
            raise DamagedStateError(f"{self} is lost: {kept}.")
        try:
            with _plain_name(self.folder) as folder:
                reader = tf.train.load_checkpoint(str(folder / self.name))
                return {
                    key: np.asarray(reader.get_tensor(key))
                    for key in reader.get_variable_to_shape_map()
                    if groups is None or key.partition("/")[0] in groups
                }
        except Exception as error:  # TensorFlow raises errors of many kinds
            reason = str(error).partition("\n")[0]
            raise DamagedStateError(
                f"{self} is damaged ({type(error).__name__}: {reason})."
            ) from error


class StateFolder:
    """A folder of states, of which it keeps the newest.

    Args:
        path: the folder; made by the first `write`.
    """

    def __init__(self, path: Path):
        self.path = path

    def states(self) -> list[State]:
        """All states that are there or should be, oldest first.

        Raises:
            ValueError: states are there, but the file that names them is lost or damaged.
        """
        return [State(number, self.path) for number in sorted(self._whole() | self._named())]

    def write(self, number: int, state: tf.train.Checkpoint, keep: int) -> None:
        """Writes a state, and removes all but the newest `keep`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ckpt-", dir=self.path) as beside:
            state.write(str(Path(beside, f"ckpt-{number}")))
            written = sorted(name for name in os.listdir(beside) if _FILE.fullmatch(name))
            for name in written:
                to_disk(Path(beside, name))
            self._remove(State(number, self.path))
            for name in written:  # the index last
                Path(beside, name).replace(self.path / name)
            to_disk(self.path)
        states = self.states()
        self._name(states[-keep:])
        for older in states[:-keep]:
            self._remove(older)

    def clean(self) -> None:
        """Removes what killed saves left; nobody else may be writing."""
        self.path.mkdir(parents=True, exist_ok=True)
        states = self.states()
        for number in _listed(self.path).keys() - {state.number for state in states}:
            self._remove(State(number, self.path))
        for name in os.listdir(self.path):
            if _UNFINISHED.fullmatch(name):
                shutil.rmtree(self.path / name, ignore_errors=True)
        clear_leftovers(self.path / _NAMES)
        if not (self.path / _NAMES).exists():
            self._name(states)

    def set_aside(self, damaged: State) -> None:
        """Renames the files of a damaged state, so that it counts no more."""
        for file in reversed(damaged.files):
            file.replace(file.with_name(f"{file.name}.damaged"))
        self._name([state for state in self.states() if state != damaged])

    def repair(self) -> list[str]:
        """Sets aside what cannot be read and names what is left; returns what was wrong."""
        said = []
        if self.path.is_dir():
            try:
                states = self.states()
            except ValueError as error:
                said.append(str(error).partition(". ")[0])
                states = [State(number, self.path) for number in sorted(self._whole())]
                self._name(states)
            for state in states:
                try:
                    state.read()
                except DamagedStateError as error:
                    said.append(str(error))
                    self.set_aside(state)
        return said

    def _whole(self) -> set[int]:
        """Numbers of the states that have an index."""
        there = _listed(self.path)
        return {number for number, names in there.items() if f"ckpt-{number}.index" in names}

    def _named(self) -> set[int]:
        """Numbers of the states that should be there."""
        file = self.path / _NAMES
        try:
            lines = file.read_text("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            lines = []
        except (OSError, UnicodeDecodeError):
            lines = ["?"]
        named = [_NAMED.fullmatch(line) for line in lines]
        known = [match or _OTHERS.fullmatch(line) for match, line in zip(named, lines, strict=True)]
        is_cut = lines and lines[0].startswith("#") and lines[-1] != _END
        if is_cut or not all(known) or (not lines and self._whole()):
            there = ", ".join(f"ckpt-{number}" for number in sorted(self._whole())) or "none"
            raise ValueError(
                f"{file}, which names the states of a run, is {'damaged' if lines else 'lost'}. "
                f"States beside it: {there}. To go on with them: "
                f"tftransformer.training.repair_run({str(self.path.parent)!r})."
            )
        return {int(match[1]) for match in named if match}

    def _name(self, states: list[State]) -> None:
        lines = [_BEGIN, *(f'model_checkpoint_path: "{state.name}"' for state in states[-1:])]
        lines += [f'all_model_checkpoint_paths: "{state.name}"' for state in states]
        lines.append(_END)
        with replacing(self.path / _NAMES) as beside:
            beside.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @staticmethod
    def _remove(state: State) -> None:
        for file in reversed(state.files):
            file.unlink(missing_ok=True)


def _listed(folder: Path) -> dict[int, set[str]]:
    """Names of the files of states in a folder, by the number of the state."""
    found: dict[int, set[str]] = {}
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            if match := _FILE.fullmatch(name):
                found.setdefault(int(match[1]), set()).add(name)
    return found


@contextlib.contextmanager
def _plain_name(folder: Path) -> Iterator[Path]:
    """Gives a name of the folder that TensorFlow, when it reads, does not take for a pattern."""
    if not re.search(r"[\[\]\\*?]", str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        link = Path(place, "states")
        link.symlink_to(folder.resolve(), target_is_directory=True)
        yield link

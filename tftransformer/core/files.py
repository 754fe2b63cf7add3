"""Files and folders that are written whole or not at all.

What is written lies beside its place until it is on the disk, in a hidden folder that is locked
while its process lives; one rename puts it into place. Whatever ends the process, SIGKILL
included, the old content or the new is there, never a mixture. What a killed process left is
removed by the next one that writes to the same place, and only then: a lock ends with its process.

Paths are names, never patterns: `[`, `*` and `\\` stand for themselves.
"""

import contextlib
import ctypes
import errno
import fnmatch
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Collection, Iterator

from tftransformer.core.locks import lock, unlock

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_NO_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives a path to write a file to, which then takes the place of `path`.

    Whatever ends the process while it writes, `path` holds either the old content or the new.
    If the block raises, nothing is left behind. The file keeps its name, since Keras reads its
    ending.

    >>> with replacing("settings.json") as beside:
    ...     beside.write_text("{}")
    2
    """
    path = pathlib.Path(path)
    with _place_beside(path) as place:
        beside = place / path.name
        yield beside
        to_disk(beside)
        beside.replace(path)
        to_disk(path.parent)


@contextlib.contextmanager
def making_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives an empty folder to fill, which then appears at `path`.

    If the block raises, nothing is left behind.

    Raises:
        FileExistsError: if there is something at `path` already; it is left alone.
    """
    path = pathlib.Path(path)
    if os.path.lexists(path):  # be it a link to nowhere
        raise FileExistsError(f"{path} exists already: choose another path, or remove it first.")
    with _place_beside(path) as place:
        beside = place / path.name
        beside.mkdir()
        yield beside
        _tree_to_disk(beside)
        beside.rename(path)
        to_disk(path.parent)


@contextlib.contextmanager
def replacing_folder(
    path: str | os.PathLike, stale: Collection[str] = ()
) -> Iterator[pathlib.Path]:
    """Gives an empty folder to fill, which then takes the place of the folder at `path`.

    Whatever ends the process while it writes, `path` is either the old folder, whole, or the new
    one. If the block raises, the old one stays as it was and nothing is left behind. What else
    lies in the old folder (a model card, the checkpoints of a run) is in the new one, too, as the
    same files.

    Args:
        path: the folder; made if missing. A link to a folder stays, what it leads to is replaced.
        stale: names of what belongs to the old content and goes with it, where it is not written
            anew: patterns of `fnmatch`, such as "model-*.safetensors".

    Raises:
        NotADirectoryError: if there is something else at `path`.
        OSError: if `path` cannot be replaced, since it is a mount point or the folder around it
            may not be written.

    >>> with replacing_folder("model", stale=["weights-*"]) as beside:
    ...     (beside / "weights-0").touch()
    """
    path = pathlib.Path(os.path.realpath(path))
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"{path} is not a folder: choose another path, or remove it first."
        )
    with _place_beside(path) as place:
        beside = place / path.name
        beside.mkdir()
        yield beside
        if path.is_dir():
            _carry_over(path, beside, stale)
        _tree_to_disk(beside)
        with _staying_inside(path):
            _switch(beside, path, _parked(place, path))
        to_disk(path.parent)


def clear_leftovers(path: str | os.PathLike) -> None:
    """Removes what killed processes have left beside `path`; what a live one writes stays."""
    path = pathlib.Path(path)
    leftover = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{12}\.tmp")
    try:
        names = [name for name in os.listdir(path.parent) if leftover.fullmatch(name)]
    except OSError:
        return
    for name in names:
        place = path.parent / name
        try:
            held = lock(place)
        except OSError:  # its process lives, or may
            continue
        parked = _parked(place, path)
        if parked.exists() and not os.path.lexists(path):
            parked.rename(path)  # killed between the two renames of `_switch`
        shutil.rmtree(place, ignore_errors=True)
        unlock(held)


@contextlib.contextmanager
def _place_beside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new folder beside `path` that is locked, and removes it after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(path)
    place, held = _new_place(path)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if held is not None:
            unlock(held)


def _new_place(path: pathlib.Path) -> tuple[pathlib.Path, int | None]:
    """Makes the folder, and locks it if its disk knows locks; else it may stay after a kill."""
    while True:
        place = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        place.mkdir()  # says in Python's words if it may not be written there
        try:
            return place, lock(place)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process took it for a leftover before it was locked
        except OSError:
            return place, None


def _parked(place: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
    """Where the old folder waits if it cannot be exchanged with the new one in one step."""
    return place / f"{path.name}.old"


def _switch(new: pathlib.Path, path: pathlib.Path, parked: pathlib.Path) -> None:
    """Puts a folder in the place of another one: in one step where the system knows how to."""
    try:
        if not path.exists():
            new.rename(path)
        elif not _exchange(new, path):
            path.rename(parked)
            new.rename(path)
    except OSError as error:
        if parked.exists() and not path.exists():
            parked.rename(path)
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        raise OSError(
            error.errno,
            "A mount point cannot be replaced by a rename: save to a folder within it",
            str(path),
        ) from error


def _exchange(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Exchanges two folders in one step; returns False where the system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    here = -100  # AT_FDCWD: relative paths are of the working directory
    if hasattr(library, "renameat2"):
        failed = library.renameat2(here, names[0], here, names[1], _EXCHANGE)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(*names, _EXCHANGE)
    else:
        return False
    number = ctypes.get_errno() if failed else 0
    if number and number not in _NO_EXCHANGE:
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    return not failed


@contextlib.contextmanager
def _staying_inside(path: pathlib.Path) -> Iterator[None]:
    """Keeps a working directory within `path` there while `path` is replaced."""
    try:
        inside = pathlib.Path.cwd()
    except FileNotFoundError:
        inside = None
    yield
    if inside is not None and inside.is_relative_to(path) and inside.is_dir():
        os.chdir(inside)


def _carry_over(old: pathlib.Path, new: pathlib.Path, stale: Collection[str]) -> None:
    """Links what only the old folder holds, and is not stale, into the new one."""
    for entry in os.scandir(old):
        goes = any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in stale)
        if not goes and not os.path.lexists(new / entry.name):
            _link(entry, new / entry.name)


def _link(entry: os.DirEntry[str], to: pathlib.Path) -> None:
    if entry.is_symlink():
        to.symlink_to(os.readlink(entry))
    elif entry.is_dir():
        to.mkdir()
        for part in os.scandir(entry):
            _link(part, to / part.name)
        shutil.copystat(entry, to)
    else:
        try:
            os.link(entry, to)
        except OSError:  # a disk without links
            shutil.copy2(entry, to)


def _tree_to_disk(folder: pathlib.Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            file = pathlib.Path(place, name)
            if file.is_file() and not file.is_symlink():
                to_disk(file)
        to_disk(place)


def to_disk(path: str | os.PathLike) -> None:
    """Has the system write a file, or the names in a folder, to the disk."""
    if os.name == "nt" and os.path.isdir(path):
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not os.path.isdir(path) or error.errno != errno.EINVAL:  # a disk that syncs no folders
            raise
    finally:
        os.close(descriptor)

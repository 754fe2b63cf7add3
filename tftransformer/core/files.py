"""Files that are written whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives a path beside `path` to write to, and moves it into place once it is on the disk.

    Whatever ends the process while it writes, `path` holds either the old content or the new.
    If the block raises, nothing is left behind. The name keeps its ending, since Keras reads it.

    >>> with replacing("settings.json") as beside:
    ...     beside.write_text("{}")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield beside
        with open(beside, "rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def making_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives an empty folder beside `path` to fill, and moves it into place once the block is done.

    If the block raises, nothing is left behind.

    Raises:
        FileExistsError: if there is something at `path` already; it is left alone.
    """
    path = pathlib.Path(path)
    if os.path.lexists(path):  # be it a link to nowhere
        raise FileExistsError(f"{path} exists already: choose another path, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    beside.mkdir()  # says in Python's words if it may not be written there
    try:
        yield beside
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)

"""The directory of a run: may it be written, is there room, does another process train in it."""

import contextlib
import errno
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tftransformer.core import lock, unlock

LOCK_FILE = "run.lock"


def check_writable(directory: str | Path, size: int) -> None:
    """Makes a directory, or raises an OSError if a state of `size` bytes cannot be written there.

    Raises:
        OSError: it cannot be made or written, or the disk has no room for the state.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
            os.ftruncate(probe.fileno(), size)  # a limit on the size of files
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise OSError(
            error.errno,
            f"The run cannot be saved there ({error.strerror}); give another directory='...', or "
            "directory=None to save nothing",
            str(directory),
        ) from error
    if free < size:
        raise OSError(
            errno.ENOSPC,
            f"The disk has {free / 1e6:,.0f} MB left, one state of the run takes "
            f"{size / 1e6:,.0f} MB. Make room, or give another directory='...'",
            str(directory),
        )


def check_unlocked(directory: str | Path) -> None:
    """Raises a ValueError if a process trains in the directory."""
    with contextlib.suppress(FileNotFoundError), locked(directory, make=False):
        pass


@contextlib.contextmanager
def locked(directory: str | Path, make: bool = True) -> Iterator[None]:
    """Keeps a directory for this process, which may be killed: the lock ends with it.

    Raises:
        ValueError: another process, or another Trainer of this one, holds it.
    """
    path = Path(directory) / LOCK_FILE
    if make:
        path.touch()
    try:
        held = lock(path)
    except BlockingIOError as error:
        raise ValueError(
            f"{directory} is in use: {_holder(path)} trains there. Wait for its end, stop it, or "
            "give another directory='...'."
        ) from error
    except FileNotFoundError:
        raise
    except OSError:  # a disk without locks
        held = None
    try:
        if held is not None and make:
            path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        if held is not None:
            unlock(held)


def _holder(path: Path) -> str:
    """Who has locked a file, as far as it says so."""
    try:
        holder = json.loads(path.read_text())
        place = "" if holder["host"] == socket.gethostname() else f" on {holder['host']}"
        return f"process {int(holder['pid'])}{place}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

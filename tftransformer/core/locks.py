"""Locks of files and folders that end with their process, be it killed."""

import errno
import os

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment] # a module where there is one


def lock(path: str | os.PathLike) -> int:
    """Locks a file or folder for this process alone, until `unlock` or the end of the process.

    Returns:
        a descriptor for `unlock`.

    Raises:
        BlockingIOError: another holder has locked it.
        FileNotFoundError: it is not there, or was removed meanwhile.
        OSError: the disk, or the system, knows no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(path))
    descriptor = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The name may have become another's since it was opened.
        if not os.path.samestat(os.fstat(descriptor), os.stat(path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def unlock(descriptor: int) -> None:
    """Gives back what `lock` returned."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing alone would leave it to a forked process
    os.close(descriptor)

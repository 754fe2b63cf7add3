"""Memory that a step freed serves the next one, instead of going back to the system in between."""

import ctypes
import os
import sys
from collections.abc import Mapping

# Parameters of mallopt(3).
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8
SETTINGS = {ARENA_MAX: 1, MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 2**27}


def keep_freed_memory(environ: Mapping[str, str] = os.environ) -> None:
    """Has glibc's `malloc` keep up to 2 GiB of what was freed.

    TensorFlow asks it for each result of an operation on a CPU. By default large ones, and what
    threads other than the first free, go back to Linux, which clears the pages anew for the next
    step: half of the time of a small model. All threads share one arena, as only the first one
    can hold more than 64 MiB in a piece.

    Whoever set a variable `MALLOC_…` or `GLIBC_TUNABLES` has what was set. Where there is no glibc
    nothing happens.

    Args:
        environ: the variables of the process.
    """
    own = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environ)
    if own or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in SETTINGS.items():
        mallopt(parameter, value)

"""What TensorFlow writes while it is imported, less what nobody can act on."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

# The notes that TensorFlow's C++ code writes before its log levels count.
CHATTER = ("I0000 ", "WARNING: All log messages before absl::InitializeLog()")


def is_program() -> bool:
    """Whether Python imports this package to run it: `python -m tftransformer`."""
    # While Python looks for the module to run, this stands in the place of its path.
    return sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)].endswith("tftransformer")


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Imports inside write no start-up notes to standard error; all else is written behind them.

    Where this package is the program, as in `python -m tftransformer`, TensorFlow's C++ code writes
    nothing later either; elsewhere it writes from warnings on. Whoever set `TF_CPP_MIN_LOG_LEVEL`
    has the level that was set; with "0" nothing is held back.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3" if is_program() else "1")
    if level == "0" or "tensorflow" in sys.modules:
        yield
        return
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not line.startswith(CHATTER):
                    os.write(2, line.encode())

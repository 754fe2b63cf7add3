"""What XLA compiled for a GPU is kept on disk: the next process need not compile it again."""

import os
from collections.abc import MutableMapping
from pathlib import Path

FLAGS = "TF_XLA_FLAGS"
OPTIONS = "--tf_xla_persistent_cache_directory={} --tf_xla_persistent_cache_device_types=GPU"


def keep_compilations(
    environ: MutableMapping[str, str] = os.environ, devices: Path = Path("/dev")
) -> None:
    """Has TensorFlow keep what XLA compiles, where there is an NVIDIA GPU.

    It lies in `$XDG_CACHE_HOME/tftransformer/xla`, by default under `~/.cache`. TensorFlow reads
    this with its first operation. Whoever set `TF_XLA_FLAGS` has what was set, and where the folder
    cannot be made nothing is kept, since TensorFlow would fail.

    Args:
        environ: the variables of the process.
        devices: where the files of devices are.
    """
    if FLAGS in environ or not any(devices.glob("nvidia[0-9]*")):
        return
    root = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(root, "tftransformer", "xla")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        environ[FLAGS] = OPTIONS.format(folder)

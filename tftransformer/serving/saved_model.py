"""Writes SavedModels whole or not at all."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tftransformer.core import making_folder


def write_saved_model(
    module: tf.Module, path: str | os.PathLike, signatures: Mapping[str, Any]
) -> pathlib.Path:
    """Saves a module.

    Args:
        module: tracks all that the signatures use.
        path: folder to make.
        signatures: functions by name.

    Returns:
        The path.

    Raises:
        FileExistsError: if there is something at `path` already; it is left alone.
    """
    with making_folder(path) as beside:
        tf.saved_model.save(module, str(beside), signatures=dict(signatures))
    return pathlib.Path(path)

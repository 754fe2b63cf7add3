"""Writes SavedModels whole or not at all."""

import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import tensorflow as tf


def write_saved_model(
    module: tf.Module, path: str | os.PathLike, signatures: Mapping[str, Any]
) -> pathlib.Path:
    """Saves a module beside `path` and renames it into place.

    Args:
        module: tracks all that the signatures use.
        path: folder to make.
        signatures: functions by name.

    Returns:
        The path.

    Raises:
        FileExistsError: if there is something at `path` already; it is left alone.
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists already: choose another path, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.mkdir()  # says in Python's words if it may not be written there
    try:
        tf.saved_model.save(module, str(beside), signatures=dict(signatures))
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return path

"""Translators on the disk: the model, its tokenizers, and how to decode."""

import json
import os
import pathlib
import zipfile
from collections.abc import Container, Mapping
from typing import Any

import keras

from tftransformer.core import replacing
from tftransformer.text import load_tokenizer

SETTINGS_FILE, MODEL_FILE = "translator.json", "model.keras"
TOKENIZERS = "source_tokenizer", "target_tokenizer"


def write_translator(
    folder: str | os.PathLike,
    model: keras.Model,
    tokenizers: tuple[Any, Any],
    settings: Mapping[str, Any],
) -> None:
    """Writes a translator into a folder, made if need be.

    Args:
        folder: the folder.
        model: of the translator.
        tokenizers: of source and target.
        settings: the other arguments of its constructor.

    Raises:
        ValueError: if a setting could not be read again.
    """
    folder = pathlib.Path(folder)
    written = {name: _serialised(name, value) for name, value in settings.items()}
    with replacing(folder / MODEL_FILE) as beside:
        model.save(beside)
    for name, tokenizer in zip(TOKENIZERS, tokenizers, strict=True):
        tokenizer.save(folder / name)
    with replacing(folder / SETTINGS_FILE) as beside:
        beside.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def read_translator(
    folder: str | os.PathLike, without: Container[str] = ()
) -> tuple[keras.Model, tuple[Any, Any], dict[str, Any]]:
    """Returns what `write_translator` was given. Runs no code from the folder.

    Args:
        folder: the folder.
        without: settings that are not read.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is damaged.
    """
    folder = pathlib.Path(folder)
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: {folder} holds no translator. Translator.save(folder) "
            "writes one, and so does training."
        )
    try:
        settings = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in json.loads(path.read_text(encoding="utf-8")).items()
            if name not in without
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    try:
        model = keras.models.load_model(folder / MODEL_FILE, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{folder / MODEL_FILE} cannot be read: {error}") from error
    source, target = (load_tokenizer(folder / name) for name in TOKENIZERS)
    return model, (source, target), settings


def _serialised(name: str, value: Any) -> Any:
    """A value as Keras writes it; raises a ValueError if Keras could not read it."""
    try:
        written = keras.saving.serialize_keras_object(value)
        keras.saving.deserialize_keras_object(written)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{name}={value!r} cannot be saved: only registered classes can be read again, see "
            f"keras.saving.register_keras_serializable. ({error})"
        ) from None
    return written

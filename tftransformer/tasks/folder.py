"""Tasks on the disk: model, tokenizers and settings, written whole and read with suspicion."""

import json
import math
import os
import pathlib
import zipfile
from collections.abc import Callable, Container, Mapping
from typing import Any

import keras

from tftransformer.core import replacing_folder, unallocated
from tftransformer.models.further import FURTHER
from tftransformer.pretrained.folder import elsewhere
from tftransformer.tasks.card import write_card

MODEL_FILE, WEIGHTS_FILE = "model.keras", "model.weights.h5"
# What Keras and Python raise at files that somebody else wrote, or nobody finished.
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
    zipfile.BadZipFile,
)


def write_task(
    folder: str | os.PathLike,
    task: str,
    model: keras.Model,
    parts: Mapping[str, Any],
    settings: Mapping[str, Any],
    card: str,
) -> None:
    """Writes a task into a folder, made if need be, or replaced in one step.

    What else lies in an older folder, such as the checkpoints of a run, stays.

    Args:
        folder: the folder.
        task: names the file of the settings, such as "translator".
        model: model of the task.
        parts: what else saves itself into a folder, by its name: tokenizers, a `DataProcess`.
        settings: the arguments of the constructor.
        card: what its README.md says, unless that of an older folder is a person's own.

    Raises:
        ValueError: if a setting could not be read again.
    """
    written = {name: _serialised(name, value) for name, value in settings.items()}
    written |= {
        name: further for name in sorted(FURTHER) if (further := getattr(model, name, None))
    }
    with replacing_folder(folder) as beside:
        model.save(beside / MODEL_FILE)
        for name, part in parts.items():
            part.save(beside / name)
        text = json.dumps(written, indent=2) + "\n"
        (beside / f"{task}.json").write_text(text, encoding="utf-8")
        write_card(beside, card, before=pathlib.Path(folder))


def read_task(
    folder: str | os.PathLike,
    task: str,
    readers: Mapping[str, Callable[[pathlib.Path], Any]],
    without: Container[str] = (),
) -> tuple[keras.Model, dict[str, Any], dict[str, Any]]:
    """Returns the model, parts and settings that `write_task` was given.

    Runs no code from the folder, and takes no more memory than its files are large.

    Args:
        folder: the folder.
        task: the name that it was written with.
        readers: functions that read the parts from their folders, by name.
        without: settings that are not read.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is damaged.
    """
    folder = pathlib.Path(folder)
    settings = read_settings(folder, task, without)
    try:
        check_size(folder / MODEL_FILE)
        model = keras.models.load_model(folder / MODEL_FILE, compile=False)
    except (OSError, *DAMAGE) as error:
        raise ValueError(f"{folder / MODEL_FILE} cannot be read: {error}") from error
    for name in FURTHER & settings.keys():
        setattr(model, name, settings.pop(name))
    return model, {name: read(folder / name) for name, read in readers.items()}, settings


def read_settings(
    folder: str | os.PathLike, task: str, without: Container[str] = ()
) -> dict[str, Any]:
    """Returns the settings alone; see `read_task`."""
    path = pathlib.Path(folder, f"{task}.json")
    if not path.is_file():
        words = task.replace("_", " ")
        kind = words.title().replace(" ", "")
        raise FileNotFoundError(
            f"{path} does not exist: {folder} holds no {words}{elsewhere(path)}. "
            f"{kind}.save(folder) writes one, and so does training."
        )
    try:
        return {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in json.loads(path.read_text(encoding="utf-8")).items()
            if name not in without
        }
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def is_saved(folder: Any, task: str) -> bool:
    """Whether a folder is one into which a task of that name was written."""
    return isinstance(folder, str | os.PathLike) and pathlib.Path(folder, f"{task}.json").is_file()


def check_size(path: pathlib.Path) -> None:
    """Raises a ValueError where a `.keras` file describes a larger model than it holds.

    A few words of a damaged or hostile file could ask for any amount of memory.
    """
    with zipfile.ZipFile(path) as archive:
        held = archive.getinfo(WEIGHTS_FILE).file_size
        if archive.getinfo(WEIGHTS_FILE).compress_size != held:
            raise ValueError(f"{WEIGHTS_FILE} is compressed, which Keras does not do.")
        config = json.loads(archive.read("config.json"))
    with unallocated() as variables:
        keras.saving.deserialize_keras_object(config)
    numbers = sum(math.prod(variable.shape) for variable in variables)
    if numbers > held:  # each takes a byte or more
        raise ValueError(f"it describes {numbers:,} weights and holds {held:,} bytes of them.")


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

"""The folder of a `DataProcess`."""

import contextlib
import json
import pathlib
import shutil
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import keras

from tftransformer.core import replacing
from tftransformer.data import vocabularies

FORMAT = 2
SETTINGS_FILE = "data_process.json"


def save_process(process: Any, folder: pathlib.Path) -> None:
    """Writes what `DataProcess.save` says."""
    tokenizers = process.tokenizers
    learnt = process.objective.get_state()
    vocabulary = folder / f"vocabulary-{vocabularies.digest_of(tokenizers)[:12]}"
    saved = {
        "format": FORMAT,
        "settings": process.get_config(),
        "learnt": learnt,
        "vocabulary": vocabulary.name,
        "tokenizers": vocabularies.save_tokenizers(tokenizers, vocabulary),
    }
    text = json.dumps(saved, indent=2, ensure_ascii=False) + "\n"
    with replacing(folder / SETTINGS_FILE) as beside:
        beside.write_text(text, encoding="utf-8")
    for older in folder.glob("vocabulary-????????????"):
        if older != vocabulary:
            shutil.rmtree(older)


def load_process(cls: type, folder: pathlib.Path) -> Any:
    """Makes the `DataProcess` that `save_process` wrote."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: not a saved DataProcess.")
    with _named(path):
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["format"] != FORMAT:
            raise ValueError(f"format {saved['format']!r}; this version reads {FORMAT}")
        settings = saved["settings"]
        columns = [as_name(column) for column in settings.pop("columns")]
        for name in ("objective", "template"):
            settings[name] = keras.saving.deserialize_keras_object(settings[name])
        settings["objective"].set_state(saved["learnt"])
        vocabulary, numbers = folder / saved["vocabulary"], saved["tokenizers"]
    tokenizers = vocabularies.load_tokenizers(vocabulary, numbers)
    learnt_by = {}
    if settings["tokenizer"] is None:  # they were given, or a function has learnt them
        learnt_by = {name: settings.pop(name) for name in vocabularies.LEARNING}
        settings["tokenizer"] = tokenizers[0] if len(set(numbers)) == 1 else tokenizers
    with _named(path):
        process = cls(*columns, **settings)
    vars(process).update(learnt_by, _tokenizers=tokenizers)
    return process


@contextlib.contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Errors within say which file cannot be read."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error!r}") from None


def as_name(column: Any) -> Hashable:
    """The name of a column as it was before JSON made a list of a tuple."""
    return tuple(map(as_name, column)) if isinstance(column, list) else column

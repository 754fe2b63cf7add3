"""Loads tokenizers."""

import hashlib
import json
import os
import pathlib

from tftransformer.text.tokenizer import CLASSES, FORMAT, SETTINGS_FILE, Tokenizer


def load_tokenizer(folder: str | os.PathLike) -> Tokenizer:
    """Reads what `Tokenizer.save` wrote. Runs no code from the folder.

    Args:
        folder: holds the settings (`tftransformer_tokenizer.json`) and the vocabulary.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: one of them is damaged, or of a newer format, or the class of the tokenizer is
            unknown: your own class, decorated with `@tt.text.register`, has to be imported first.
    """
    path = pathlib.Path(folder) / SETTINGS_FILE
    try:
        saved = json.loads(_read(path))
        version, name, settings, checksum = (
            saved[key] for key in ("format", "class", "settings", "sha256")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from None
    if version != FORMAT:
        raise ValueError(f"{path} has format {version!r}; this version reads format {FORMAT}")
    if not isinstance(name, str) or name not in CLASSES:
        raise ValueError(
            f"{path} names the class {name!r}; known: {', '.join(CLASSES)}. To load your own "
            "tokenizer, decorate its class with @tt.text.register and import its module first"
        )
    vocabulary_path = path.with_name(CLASSES[name].vocabulary_file)
    vocabulary = _read(vocabulary_path)
    if hashlib.sha256(vocabulary).hexdigest() != checksum:
        raise ValueError(f"{vocabulary_path} is not the file that {SETTINGS_FILE} was saved with")
    try:
        return CLASSES[name].from_vocabulary(vocabulary, settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileNotFoundError(
            f"cannot read {path} ({error.strerror}): not a saved tokenizer"
        ) from None

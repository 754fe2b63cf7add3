"""Folders of Hugging Face, and the JSON in them, read with suspicion."""

import json
from pathlib import Path
from typing import Any

# Far beyond any real one; a larger file is not what it says it is.
_MOST_JSON_BYTES = 100_000_000


def check_folder(folder: Path) -> None:
    """Raises if there is no such folder, or no config.json in it."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"{folder} is a file, not a folder with config.json and model.safetensors."
        )
    if not folder.exists():
        advice = ""
        if not folder.is_absolute() and len(folder.parts) <= 2:  # it may be the name of a model
            advice = (
                ". If it is the name of a model, get it where there is a network, such as "
                f"`hf download {folder} --local-dir {folder.name}` with the huggingface_hub "
                "package, and give the path of the folder"
            )
        raise ValueError(f"there is no folder {folder}, and nothing is downloaded{advice}.")
    config = folder / "config.json"
    if not config.is_file():
        raise ValueError(f"{folder} holds no config.json{elsewhere(config)}.")


def elsewhere(path: Path) -> str:
    """What an error about a missing file adds where one stands a folder deeper or higher."""
    near = [*sorted(path.parent.glob(f"*/{path.name}")), path.parent.parent / path.name]
    found = [str(other.parent) for other in near if other.is_file()]
    return f", but there is one in {found[0]}: give that folder" if found else ""


def read_json(path: Path, kind: type = dict) -> Any:
    """Returns the object in a JSON file, or the list if that is the kind."""
    if not path.is_file():
        raise ValueError(f"{path.parent} holds no {path.name}.")
    if path.stat().st_size > _MOST_JSON_BYTES:
        raise ValueError(f"{path} is too large to be a {path.name}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, kind):
        wanted = "an object" if kind is dict else "a list"
        raise ValueError(f"{path} holds a {type(content).__name__}, not {wanted}.")
    return content

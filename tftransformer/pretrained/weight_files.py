"""WeightFiles."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Far beyond any real one; a larger file is not what it says it is.
_MOST_JSON_BYTES = 100_000_000


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file."""
    if not path.is_file():
        raise ValueError(f"{path.parent} holds no {path.name}.")
    if path.stat().st_size > _MOST_JSON_BYTES:
        raise ValueError(f"{path} is too large to be a {path.name}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not an object.")
    return content


class WeightFiles:
    """The tensors of a folder, by name: shapes at once, values when asked for.

    Reads safetensors, whole or in shards, and nothing else.

    Args:
        folder: the folder.
        aliases: (pattern, replacement): old spellings of names.

    Attributes:
        shapes: for each tensor its shape.
    """

    def __init__(self, folder: str | os.PathLike, aliases: Iterable[tuple[str, str]] = ()):
        from safetensors import SafetensorError, safe_open

        self.shapes: dict[str, tuple[int, ...]] = {}
        self._where: dict[str, tuple[Any, str]] = {}
        for path, promised in files_of(Path(folder)).items():
            try:
                file = safe_open(path, framework="np")
                stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            except (SafetensorError, OSError) as error:
                raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
            lacking = promised - stored.keys()
            if lacking:
                raise ValueError(f"{path} lacks {sorted(lacking)[:3]}, which the index promises.")
            for stored_name, shape in stored.items():
                name = stored_name
                for pattern, replacement in aliases:
                    name = re.sub(pattern, replacement, name)
                if name in self.shapes:
                    raise ValueError(f"{folder} holds {name} twice.")
                self.shapes[name], self._where[name] = shape, (file, stored_name)

    def read(self, name: str) -> np.ndarray:
        """Returns the values of a tensor."""
        file, stored_name = self._where[name]
        tensor = file.get_tensor(stored_name)
        # bfloat16 is a type of its own to numpy, of kind "V".
        if tensor.dtype.kind != "f" and tensor.dtype.name != "bfloat16":
            raise ValueError(f"{name} holds {tensor.dtype}, not floating point numbers.")
        return tensor


def files_of(folder: Path) -> dict[Path, set[str]]:
    """Returns the safetensors files of a folder, each with the tensors its index promises."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    if (folder / WHOLE).is_file():
        return {folder / WHOLE: set()}
    if (folder / INDEX).is_file():
        return _shards(folder)
    others = [*folder.glob("*.bin"), *folder.glob("*.h5"), *folder.glob("*.msgpack")]
    way_out = ""
    if others:
        way_out = (
            f" {others[0].name} is not read, since such files can run code or need their own "
            "library. Convert it where transformers and torch are installed: "
            f'AutoModel.from_pretrained("{folder}").save_pretrained("…"), with the class of '
            "your task for AutoModel."
        )
    raise ValueError(f"{folder} holds neither {WHOLE} nor {INDEX}.{way_out}")


def _shards(folder: Path) -> dict[Path, set[str]]:
    weight_map = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(f"{folder / INDEX} has no weight_map.")
    shards: dict[Path, set[str]] = {}
    for name, file in weight_map.items():
        if not isinstance(file, str) or not re.fullmatch(r"[\w-][\w.-]*\.safetensors", file):
            raise ValueError(
                f"{folder / INDEX} sends {name} to {file!r}: a shard is a safetensors file beside "
                "the index."
            )
        if not (folder / file).is_file():
            raise ValueError(f"{folder / INDEX} names {file}, which is not in the folder.")
        shards.setdefault(folder / file, set()).add(name)
    return shards

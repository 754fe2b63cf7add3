"""WeightFiles."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tftransformer.pretrained.folder import read_json

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


class WeightFiles:
    """The tensors of a folder, by name: shapes at once, values when asked for.

    Reads safetensors, whole or in shards, and nothing else. Where the header of a file says that a
    tensor was left out, since it is another one's memory (`safetensors.torch.save_model`), it is
    found under its name all the same.

    Args:
        folder: the folder.
        aliases: (pattern, replacement): old spellings of names.

    Attributes:
        shapes: for each tensor its shape.
        kinds: for each tensor the kind of its numbers, as the header has it: "F32", "I64", …
        promised: for each tensor that the index lists and no shard holds the path of that shard.
    """

    def __init__(self, folder: str | os.PathLike[str], aliases: Iterable[tuple[str, str]] = ()):
        from safetensors import SafetensorError, safe_open

        self.shapes: dict[str, tuple[int, ...]] = {}
        self.kinds: dict[str, str] = {}
        self.promised: dict[str, Path] = {}
        self._where: dict[str, tuple[Any, str]] = {}
        self._folder, self._aliases = folder, tuple(aliases)
        for path, promised in files_of(Path(folder)).items():
            try:
                file = safe_open(path, framework="np")
                for name in file.keys():  # noqa: SIM118
                    tensor = file.get_slice(name)
                    self._add(name, tuple(tensor.get_shape()), tensor.get_dtype(), (file, name))
            except (SafetensorError, OSError) as error:
                raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
            for name in promised:
                self.promised.setdefault(self._spelt(name), path)
            for name, kept in (file.metadata() or {}).items():
                name, kept = self._spelt(name), self._spelt(kept)
                if name not in self.shapes and kept in self.shapes:
                    self.call(name, kept)
        for name in self.shapes:
            self.promised.pop(name, None)

    def _spelt(self, name: str) -> str:
        """A name as it is spelt today."""
        for pattern, replacement in self._aliases:
            name = re.sub(pattern, replacement, name)
        return name

    def _add(self, stored: str, shape: tuple[int, ...], kind: str, where: tuple[Any, str]) -> None:
        name = self._spelt(stored)
        if name in self.shapes:
            raise ValueError(f"{self._folder} holds {name} twice.")
        self.shapes[name], self.kinds[name], self._where[name] = shape, kind, where

    def call(self, name: str, kept: str) -> None:
        """Gives a tensor that is held a further name."""
        self.shapes[name], self.kinds[name] = self.shapes[kept], self.kinds[kept]
        self._where[name] = self._where[kept]

    def follow(self, ties: Mapping[str, str]) -> None:
        """Finds tensors that are held under the name of one that equals them.

        Args:
            ties: for a name that of the tensor that it equals.
        """
        for name, same in ties.items():
            if name in self.shapes and same not in self.shapes:
                self.call(same, name)

    def same(self, name: str, other: str) -> bool:
        """Whether two names are of one tensor in a file."""
        return self._where[name] == self._where[other]

    def read(self, name: str) -> np.ndarray:
        """Returns the values of a tensor."""
        file, stored_name = self._where[name]
        return file.get_tensor(stored_name)


def files_of(folder: Path) -> dict[Path, set[str]]:
    """Returns the safetensors files of a folder, each with the tensors its index promises."""
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

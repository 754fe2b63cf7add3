"""What a run is: the record of its data, model and settings, by which a resume knows it again."""

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import replacing
from tftransformer.training.feeding import epoch_length

RECORD_FILE, FORMAT = "run.json", 1
_SAMPLE = 2  # batches that stand for data without a fingerprint
_PACKAGES = "tensorflow", "keras", "numpy"
# Entries of a configuration that are not what a model is.
_OF_A_PROCESS = {"compile_config", "build_config", "build_input_shape", "shared_object_id"}


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run was begun with; `run.json` in its directory.

    Args:
        parts: name → plain JSON, such as `describe` returns; all of it must be equal for a resume.
        device: what precision, compilation and so on were chosen; told where it differs.
        versions: package → version; only recorded.
    """

    parts: dict[str, Any]
    device: str = ""
    versions: dict[str, str] = dataclasses.field(default_factory=_versions)

    def write(self, directory: str | Path) -> None:
        """Writes `run.json`, whole or not at all."""
        record = {"format": FORMAT, **dataclasses.asdict(self)}
        with replacing(Path(directory) / RECORD_FILE) as beside:
            beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: str | Path) -> "RunRecord | None":
        """Returns the record of a directory, or None if it has none.

        Raises:
            ValueError: it is damaged.
        """
        path = Path(directory) / RECORD_FILE
        try:
            record = json.loads(path.read_text("utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']!r}")
            return cls(dict(record["parts"]), str(record["device"]), dict(record["versions"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path}, by which the run knows its data and its model, is damaged: {error!r}. "
                "Remove it if you are sure that they are those of the run."
            ) from error

    def differences(self, other: "RunRecord") -> list[str]:
        """Returns a line for each part that differs from that of the run as it is now."""
        return _differences(self.parts, json.loads(json.dumps(other.parts)))


def record_of(
    model: keras.Model, train: Any, *, optimizer: Any, loss: Any, device: str, **settings: Any
) -> RunRecord:
    """Returns the record of a run.

    Args:
        model: built.
        train: its batches.
        optimizer: what it is trained by.
        loss: what it is trained on.
        device: what precision, compilation and so on were chosen.
        **settings: whatever else must not change; described by `describe`.
    """
    parts = {
        "data": describe_data(train),
        "vocabulary": describe_vocabulary(train),
        "objective": describe_objective(train),
        "model": describe_model(model),
        "optimizer": describe(optimizer),
        "loss": describe(loss),
        "settings": describe(settings),
    }
    return RunRecord(parts, device)


def describe_data(batches: Any) -> dict[str, Any]:
    """Returns what tells training data from other data.

    That is the `fingerprint` of the batches, or else their number, structure and the first ones; of
    data that come in another order each time they are read, only their number and structure.
    """
    described: dict[str, Any] = {"batches": epoch_length(batches)}
    fingerprint = getattr(batches, "fingerprint", None)
    if isinstance(fingerprint, str):
        return {**described, "rows and order": fingerprint}
    dataset = batches.dataset(epoch=0, start=0)
    first, again = (_digest(batches.dataset(epoch=0, start=0).take(_SAMPLE)) for _ in range(2))
    return {
        **described,
        "structure": describe(tf.nest.map_structure(repr, dataset.element_spec)),
        "first batches": first if first == again else None,
    }


def describe_vocabulary(batches: Any) -> str | None:
    """Returns what tells the vocabularies of the ids from others, where the batches know it."""
    vocabulary = getattr(batches, "vocabulary", None)
    return None if vocabulary is None else hashlib.sha256(str(vocabulary).encode()).hexdigest()


def describe_objective(batches: Any) -> Any:
    """Returns settings of the objective of the batches, and what it has learnt."""
    objective = getattr(batches, "objective", None)
    if objective is None:
        return None
    learnt = getattr(objective, "learnt", None)
    return {"settings": describe(objective), "learnt": describe(learnt)}


def describe_model(model: keras.Model) -> dict[str, Any]:
    """Returns configuration and variables of a model, without the numbers Keras gives to names."""
    try:
        config = keras.saving.serialize_keras_object(model)
    except (NotImplementedError, TypeError, ValueError):  # a class without a configuration
        config = {"class_name": type(model).__name__}
    names = _Names()
    config = _without(config, _OF_A_PROCESS)
    return {
        "config": names.plain(describe(config)),
        "variables": {
            "/".join(names.of(part) for part in variable.path.split("/")): (
                f"{variable.dtype} {tuple(variable.shape)}"
            )
            for variable in model.variables
        },
    }


def describe(value: Any) -> Any:
    """Returns an object as plain JSON that says what it is, not which one it is."""
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [describe(part) for part in value]
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size < 100):
        return value.tolist()
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray | tf.Tensor | tf.Variable | keras.Variable):
        array = np.ascontiguousarray(value)
        return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        config = value.get_config()
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        public = getattr(value, "__dict__", {})
        config = {name: part for name, part in public.items() if not name.startswith("_")}
    return {"class": kind, **_Names().plain(describe(_without(config, {"name"})))}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    lines = []
    for part in {**before, **now}:
        old, new = _flat(before.get(part)), _flat(now.get(part))
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        if not keys:
            continue
        told = [f"{_said(key)} {_short(old, key)} there, {_short(new, key)} here" for key in keys]
        more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
        lines.append(f"{part}: {'; '.join(told[:3])}{more}")
    return lines


def _said(key: str) -> str:
    """What a leaf is called; where nobody gave it, what it comes from."""
    if key.endswith("total_steps"):
        return f"{key} (the updates that epochs, rows and gradient_accumulation make)"
    return key or "it"


def _short(entries: Mapping[str, Any], key: str) -> str:
    text = repr(entries[key]) if key in entries else "nothing"
    return text if len(text) <= 60 else f"{text[:16]}…"


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested JSON by their dotted names."""
    parts: Iterable[tuple[str, Any]]
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = ((str(index), part) for index, part in enumerate(value))
    else:
        return {prefix: value}
    leaves: dict[str, Any] = {}
    for key, part in parts:
        leaves |= _flat(part, f"{prefix}.{key}" if prefix else key)
    return leaves


def _without(value: Any, keys: set[str]) -> Any:
    """Returns nested dicts and lists without some keys."""
    if isinstance(value, Mapping):
        return {key: _without(part, keys) for key, part in value.items() if key not in keys}
    if isinstance(value, list | tuple):
        return [_without(part, keys) for part in value]
    return value


class _Names:
    """Names with a number, such as dense_3, numbered anew in the order they are met in.

    Keras counts the layers of a process; the same model gets other names when it is made again.
    """

    _NUMBER = re.compile(r"(_\d+)?$")  # and not the number of a family, as in gpt2_1
    _OF_CLASSES = {"module", "class_name", "registered_name"}  # which a layer may be called like

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def of(self, name: str) -> str:
        if name not in self._known:
            base = self._NUMBER.sub("", name)
            self._count[base] = self._count.get(base, 0) + 1
            self._known[name] = f"{base}#{self._count[base]}"
        return self._known[name]

    def plain(self, config: Any) -> Any:
        """Returns a configuration with its names, and what refers to them, numbered anew."""
        self._collect(config)
        return self._replace(config)

    def _collect(self, value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("name"), str):
                self.of(value["name"])
            for part in value.values():
                self._collect(part)
        elif isinstance(value, list):
            for part in value:
                self._collect(part)

    def _replace(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: part if key in self._OF_CLASSES else self._replace(part)
                for key, part in value.items()
            }
        if isinstance(value, list):
            return [self._replace(part) for part in value]
        if isinstance(value, str) and (value in self._known or value.startswith("keras_tensor")):
            return self.of(value)
        return value


def _digest(dataset: tf.data.Dataset) -> str:
    whole = hashlib.sha256()
    for batch in dataset:
        for leaf in tf.nest.flatten(batch, expand_composites=True):
            array = np.ascontiguousarray(leaf)
            whole.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return whole.hexdigest()

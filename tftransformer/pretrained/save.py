"""save_pretrained."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import replacing
from tftransformer.pretrained.families import FAMILIES
from tftransformer.pretrained.family import Config, Family
from tftransformer.pretrained.rules import Rule, expand
from tftransformer.pretrained.weight_files import INDEX, WHOLE


def save_pretrained(
    model: keras.Model,
    folder: str | os.PathLike,
    config: Mapping[str, Any] | None = None,
    shard_bytes: int = 5_000_000_000,
) -> None:
    """Writes a model as a folder that Hugging Face's transformers loads.

    config.json and model.safetensors, or shards with model.safetensors.index.json. Weights that
    are tied are written once. What `from_pretrained` reads back is equal to the bit.

    Args:
        model: the model.
        folder: where to; made if need be.
        config: further entries of config.json, such as `eos_token_id`; a model that was loaded
            keeps those it came with.
        shard_bytes: largest size of one file.

    Raises:
        ValueError: if the format has no name for the model or one of its weights.
    """
    families = [family for family in FAMILIES if type(model) is family.model]
    if not families:
        known = sorted(family.model.__name__ for family in FAMILIES)
        raise ValueError(f"{type(model).__name__} has no such format, only {known}: use save().")
    family, folder = families[0], Path(folder)
    arguments = keras.saving.deserialize_keras_object(model.get_config())
    description = {
        **getattr(model, "further_config", {}),
        **family.config(arguments, getattr(model, "heads", {})),
        "torch_dtype": model.variable_dtype,
        **(config or {}),
    }
    tensors = tensors_of(model, family, description)
    folder.mkdir(parents=True, exist_ok=True)
    shards = split(tensors, shard_bytes)
    names = [WHOLE]
    if len(shards) > 1:
        names = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        write_tensors(folder / name, {key: tensors[key] for key in shard})
    if len(shards) > 1:
        weight_map = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
        total = sum(tensor.nbytes for tensor in tensors.values())
        write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
        (folder / WHOLE).unlink(missing_ok=True)  # it would be read in place of the shards
    write_json(folder / "config.json", description)


def tensors_of(model: keras.Model, family: Family, config: Config) -> dict[str, np.ndarray]:
    """Returns the tensors of a model under Hugging Face's names."""
    body = family.bodies.get(config["architectures"][0], family.bodies[None])
    parts: dict[str, list[tuple[Rule, keras.Variable]]] = {}
    named = set()
    for rule, variable in expand(family.rules, model, body):
        parts.setdefault(rule.theirs, []).append((rule, variable))
        named.add(id(variable))
    nameless = [weight.path for weight in model.weights if id(weight) not in named]
    if nameless:
        raise ValueError(f"Hugging Face has no names for {nameless[:5]}: use model.save(…).")
    tensors = {}
    for name, places in parts.items():
        rule = places[0][0]
        number = rule.part[1] if rule.part else 1
        if len(places) != number:
            raise ValueError(f"the model has {len(places)} weights for {name}, not {number}.")
        places.sort(key=lambda place: place[0].part or 0)
        values = [ops.convert_to_numpy(variable) for _, variable in places]
        tensors[name] = rule.to_file(values, config)
    derived = {name.replace("{body}", body): make for name, make in family.derived.items()}
    return tensors | {name: make(config) for name, make in derived.items()}


def split(tensors: Mapping[str, np.ndarray], most: int) -> list[list[str]]:
    """Returns the names in groups that are together no larger than `most` bytes, if possible."""
    groups: list[list[str]] = [[]]
    size = 0
    for name, tensor in tensors.items():
        if groups[-1] and size + tensor.nbytes > most:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += tensor.nbytes
    return groups


def write_tensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes a safetensors file, marked as transformers wants it."""
    from safetensors.numpy import save_file

    with replacing(path) as beside:
        save_file(tensors, beside, metadata={"format": "pt"})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")

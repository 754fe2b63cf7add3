"""save_pretrained."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import replacing_folder
from tftransformer.pretrained import entries
from tftransformer.pretrained.description import describe
from tftransformer.pretrained.families import FAMILIES
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config
from tftransformer.pretrained.load import GENERATION_FILE
from tftransformer.pretrained.rules import named
from tftransformer.pretrained.weight_files import INDEX, WHOLE

# What an older model left in the folder.
STALE = (WHOLE, INDEX, "model-*-of-*.safetensors", GENERATION_FILE)


def save_pretrained(
    model: keras.Model,
    folder: str | os.PathLike[str],
    *,
    config: Mapping[str, Any] | None = None,
    generation: Mapping[str, Any] | None = None,
    shard_bytes: int = 5_000_000_000,
) -> None:
    """Writes a model as a folder that Hugging Face's transformers loads.

    config.json and model.safetensors, or shards with model.safetensors.index.json. Tied weights are
    written once. `from_pretrained` reads back exactly the same model, with every head. The folder
    is replaced as a whole, so that an interrupted save leaves an older one intact; other files in
    it are kept.

    transformers reads the heads of the class in `architectures`: the one of its classes that has
    most of them. If that does not cover all heads, an additional entry names them.

    generation_config.json holds the generation options of a model that writes texts: those of the
    folder that it came from, or of its config, overridden by `generation`.

    Args:
        model: the model.
        folder: the folder, created if missing.
        config: further entries of config.json, such as `eos_token_id`; a loaded model keeps those
            of its folder.
        generation: options of generation by Hugging Face's names, such as the `options` of a
            `Summarizer` whose `model_` this is; they override others.
        shard_bytes: largest size of one file.

    Raises:
        ValueError: if the format has no name for the model, one of its weights or its heads,
            `config` contradicts the model, or `generation` has options that transformers does not
            know. Then nothing is written.

    Example:

    >>> model = tt.Gpt2(vocab_size=100, num_layers=1, d_model=16, num_heads=2)
    >>> tt.save_pretrained(model, "my-gpt2", config={"bos_token_id": 2})
    >>> tt.from_pretrained("my-gpt2").further_config["bos_token_id"]
    2
    """
    families = [family for family in FAMILIES if type(model) is family.model]
    if not families:
        known = sorted(family.model.__name__ for family in FAMILIES)
        raise ValueError(f"{type(model).__name__} has no such format, only {known}: use save().")
    family, folder = families[0], Path(folder)
    description = describe(model, family, config or {})
    said = generation_config(model, family, description, config or {}, generation or {})
    if specific := description.get("task_specific_params"):  # which count before that file
        specific = {name: without(own, generation or {}) for name, own in specific.items()}
        description["task_specific_params"] = specific
    tensors = tensors_of(model, family, description)
    shards = split(tensors, shard_bytes)
    names = [WHOLE]
    if len(shards) > 1:
        names = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    with replacing_folder(folder, stale=STALE) as beside:
        for name, shard in zip(names, shards, strict=True):
            write_tensors(beside / name, {key: tensors[key] for key in shard})
        if len(shards) > 1:
            weight_map = {
                key: name for name, shard in zip(names, shards, strict=True) for key in shard
            }
            total = sum(tensor.nbytes for tensor in tensors.values())
            index = {"metadata": {"total_size": total}, "weight_map": weight_map}
            write_json(beside / INDEX, index)
        write_json(beside / "config.json", description)
        if said:
            write_json(beside / GENERATION_FILE, said)


def generation_config(
    model: keras.Model,
    family: Family,
    description: Config,
    config: Config,
    generation: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns generation_config.json of a model; nothing where it writes no texts.

    Args:
        model: the model.
        family: its family.
        description: its config.json.
        config: what of that the caller says.
        generation: options of the caller's.

    Raises:
        ValueError: if there is an option that transformers does not know.
    """
    options = entries.GENERATION | entries.SAID_THERE
    if unknown := sorted(generation.keys() - options):
        raise ValueError(
            f"generation has {unknown[0]!r}, which generation_config.json does not know: it knows "
            f"{', '.join(sorted(options))}."
        )
    known = getattr(model, "generation_config", None)
    if known is None and "lm" not in getattr(model, "heads", ("lm",)) and not generation:
        return {}
    if known is None:
        # Of a model from a folder transformers assumes what that did not say; of others nothing.
        is_read = getattr(model, "further_config", None)
        known = family.whole(description) if is_read else description
        known = {name: value for name, value in known.items() if name in options}
    told = {name: value for name, value in config.items() if name in options}
    said = {**without({**known, **told}, generation), **generation}
    return {name: value for name, value in said.items() if value is not None}


def without(options: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options of generation without those in whose place others stand."""
    gone = {
        *others,
        *(name for pair in entries.COUNTED for name in pair if {*pair} & others.keys()),
    }
    return {name: value for name, value in options.items() if name not in gone}


def tensors_of(model: keras.Model, family: Family, config: Config) -> dict[str, np.ndarray]:
    """Returns the tensors of a model under Hugging Face's names."""
    body = family.bodies.get(config["architectures"][0], family.bodies[None])
    tensors = {}
    for name, places in named(model, family.rules, body).items():
        values = [ops.convert_to_numpy(variable) for _, variable in places]
        tensors[name] = places[0][0].to_file(values, config, model)
    derived = {name.replace("{body}", body): make for name, make in family.derived.items()}
    tensors |= {name: make(config) for name, make in derived.items()}
    if getattr(model, "tied", True):
        return tensors
    # transformers 5 ties the bias of a head with its table, or else keeps it under both names.
    biases = {name: same for name, same in family.tied.items() if name.endswith(".bias")}
    return tensors | {name: tensors[same] for name, same in biases.items() if same in tensors}


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

    save_file(tensors, path, metadata={"format": "pt"})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")

"""from_pretrained."""

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import allocate, unallocated
from tftransformer.pretrained import entries
from tftransformer.pretrained.families import FAMILIES
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config
from tftransformer.pretrained.folder import check_folder, read_json
from tftransformer.pretrained.rules import Rule, expand
from tftransformer.pretrained.weight_files import WeightFiles

# Kinds of numbers, as safetensors' header names them, that become weights.
FLOATS = ("F64", "F32", "F16", "BF16")
GENERATION_FILE = "generation_config.json"  # how texts are generated
LISTED = 5  # names in a message


@dataclass(frozen=True)
class Loaded:
    """A model, and how the file fitted it.

    Attributes:
        model: the model.
        missing: weights that the file lacks: those of heads that the caller asked for keep their
            initial values; a head of the architecture is left out.
        unexpected: tensors in the file that the model does not have.
        unread: unknown entries of config.json, which may matter.
    """

    model: keras.Model
    missing: list[str]
    unexpected: list[str]
    unread: list[str]


def from_pretrained(folder: str | os.PathLike[str], **arguments: Any) -> keras.Model:
    """Returns the model of a folder in Hugging Face's format.

    Reads config.json and model.safetensors, or the shards of model.safetensors.index.json. Nothing
    is downloaded. The class follows from the config, and the heads are those in the file. It warns
    of tensors that the model does not have, of weights that the file lacks, and of unknown entries
    in the config. Other entries of the config (ids of special tokens, …) are kept in
    `model.further_config`, for `save_pretrained`, and those of generation_config.json in
    `model.generation_config`.

    Args:
        folder: the folder.
        **arguments: arguments of the model's constructor that override the config, such as
            `dropout`, `dtype`, or `heads`: heads of your choice, which the file may lack.

    Raises:
        ValueError: if something in the folder is missing, malformed, unsupported, or does not fit.
            Then no model is made.

    Example:

    >>> from tftransformer.pretrained import from_pretrained, save_pretrained
    >>> bert = tt.Bert(vocab_size=100, num_layers=1, d_model=16, num_heads=2, dff=32, heads=())
    >>> save_pretrained(bert, "my-bert")
    >>> model = from_pretrained("my-bert", heads={"token_classification": {"labels": 3}})
    >>> model(np.ones((2, 7), "int32"))["token_classification"].shape
    TensorShape([2, 7, 3])
    """
    loaded = load_pretrained(folder, **arguments)
    for what, names in (
        ("weights are not in the file", loaded.missing),
        ("tensors of the file have no place in the model", loaded.unexpected),
        ("entries of config.json are not known and change nothing", loaded.unread),
    ):
        if names:
            warnings.warn(f"{folder}: {len(names)} {what}: {listed(names)}", stacklevel=2)
    return loaded.model


def load_pretrained(
    folder: str | os.PathLike[str], *, wanted: str | None = None, **arguments: Any
) -> Loaded:
    """Like `from_pretrained`, but returns what did not fit instead of warning of it.

    Args:
        folder: the folder.
        wanted: the head to assume if config.json names no architecture, as in old folders, and the
            tensors could belong to several.
        **arguments: of the model's constructor.
    """
    folder = Path(folder)
    check_folder(folder)
    raw = read_json(folder / "config.json")
    family = family_of(raw, folder)
    raw = family.respelled(raw)
    files = WeightFiles(folder, family.aliases)
    body = family.body(files.shapes.keys())
    try:
        config = family.whole(raw)
        given = {**family.arguments(config), **arguments}
        ties = family.ties(given, body)
        files.follow(ties)
        outputs = family.outputs(files.shapes)
        held = family.held_heads(config, files.shapes.keys(), body, outputs, wanted)
        if any(family.architectures.values()):
            given.setdefault("heads", held)
            family.check_heads(config, given["heads"])
        check_layers(given, len(files.shapes))
        with unallocated() as variables:
            model = family.model(**given)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / 'config.json'} describes no model: {error}") from error
    places = list(expand(family.rules, model, body))
    missing = [rule for rule, _ in places if rule.theirs not in files.shapes]
    check_fit(folder, places, files, config)
    lost = [rule.theirs for rule in missing if not ("heads" in arguments and rule.head)]
    if lost:
        raise ValueError(f"{folder}: {len(lost)} weights are not in the file: {listed(lost)}")
    placed = {rule.theirs for rule, _ in places}
    ties = {name: same for name, same in ties.items() if name not in placed}
    check_promises(files, family, ties)
    check_tied(ties, files)
    values = {id(variable): rule for rule, variable in places if rule not in missing}
    for variable in variables:
        rule = values.get(id(variable))
        allocate(variable, None if rule is None else value_of(rule, variable, files, model))
    model.further_config = family.further(raw)
    if (folder / GENERATION_FILE).is_file():
        model.generation_config = read_json(folder / GENERATION_FILE)
    return Loaded(
        model,
        sorted({rule.theirs for rule in missing} | left_out(family, config, held, body, arguments)),
        unexpected(family, files, placed | ties.keys()),
        family.unread(raw),
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Reads config.json, with what transformers assumes of entries that it lacks."""
    raw = read_json(folder / "config.json")
    family = family_of(raw, folder)
    return family.whole(family.respelled(raw))


def family_of(config: Config, folder: Path) -> Family:
    """Returns the family that a config belongs to."""
    kind = config.get("model_type")
    families = [family for family in FAMILIES if family.model_type == kind]
    names = config.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{folder / 'config.json'} has architectures={names!r}, not a list of strings."
        )
    for family in families:
        if not family.architectures.keys().isdisjoint(names):
            return family
    if families:
        return families[0]
    known = sorted({family.model_type for family in FAMILIES})
    raise ValueError(f"{folder / 'config.json'} has model_type={kind!r}, not one of {known}.")


def check_layers(arguments: Mapping[str, Any], tensors: int) -> None:
    """Raises if there are to be far more layers than the file has tensors: building takes time.

    More there may be, where layers are shared.
    """
    layers = arguments.get("num_layers", 1)
    for number in layers if isinstance(layers, (list, tuple)) else [layers]:
        if not isinstance(number, int) or not 1 <= number <= 10 * tensors:
            raise ValueError(f"num_layers={number!r}, and the file has {tensors} tensors.")


def check_fit(
    folder: Path, places: list[tuple[Rule, Any]], files: WeightFiles, config: Config
) -> None:
    """Raises if a tensor has another shape than its weight, or holds no floating point numbers."""
    wrong, strange = [], []
    for rule, variable in places:
        name = rule.theirs
        if name not in files.shapes:
            continue
        expected = rule.file_shape(tuple(variable.shape), config)
        if files.shapes[name] != expected:
            wrong.append(f"{name} is {files.shapes[name]}, not {expected}")
        if files.kinds[name] not in FLOATS:
            strange.append(f"{name} holds {files.kinds[name]}")
    if wrong:
        raise ValueError(f"{folder}: {len(wrong)} tensors do not fit config.json: {listed(wrong)}")
    if strange:
        raise ValueError(
            f"{folder}: {len(strange)} tensors hold no floating point numbers of {FLOATS}: "
            f"{listed(strange)}. If the model is quantised, dequantise it in transformers and save "
            "it again."
        )


def check_promises(files: WeightFiles, family: Family, ties: Mapping[str, str]) -> None:
    """Raises if the index lists a tensor that no shard holds, and that is no tie."""
    lacking = [
        name
        for name in files.promised
        if name not in files.shapes
        and name not in ties
        and not any(re.search(pattern, name) for pattern in family.ignored)
    ]
    if lacking:
        path = files.promised[lacking[0]]
        raise ValueError(f"{path} lacks {listed(sorted(lacking))}, which the index promises.")


def check_tied(tied: Mapping[str, str], files: WeightFiles) -> None:
    """Raises if a tensor that is kept once here has two values in the file."""
    for name, same in tied.items():
        if {name, same} <= files.shapes.keys() and not (
            files.same(name, same) or np.array_equal(files.read(name), files.read(same))
        ):
            raise ValueError(
                f"{name} differs from {same}, and the model keeps them as one: pass tied=False if "
                "it takes that, or mend tie_word_embeddings in config.json."
            )


def value_of(rule: Rule, variable: keras.Variable, files: WeightFiles, model: Any) -> Any:
    """Returns what the file says of a variable, in its dtype."""
    value = rule.from_file(files.read(rule.theirs), tuple(variable.shape), model)
    return value if value.dtype.name == variable.dtype else ops.cast(value, variable.dtype)


def left_out(
    family: Family,
    config: Config,
    held: Mapping[str, Any],
    body: str,
    arguments: Mapping[str, Any],
) -> set[str]:
    """Returns the tensors of heads that the architecture should have and the model has not."""
    if "heads" in arguments or config.get(entries.HEADS) is not None:
        return set()
    heads = set(family.asked_heads(config)) - held.keys()
    return {name for head in heads for name in family.tensors(body)[head]}


def unexpected(family: Family, files: WeightFiles, known: set[str]) -> list[str]:
    """Returns the names of tensors that are no weights of the model, and not ignored."""
    return sorted(
        name
        for name in files.shapes.keys() - known
        if not any(re.search(pattern, name) for pattern in family.ignored)
        and not any(files.same(name, other) for other in known & files.shapes.keys())
    )


def listed(names: list[str]) -> str:
    """Returns the first few of some names."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more

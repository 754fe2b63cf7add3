"""from_pretrained."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import allocate, unallocated
from tftransformer.pretrained.families import FAMILIES
from tftransformer.pretrained.family import Config, Family
from tftransformer.pretrained.rules import expand
from tftransformer.pretrained.weight_files import WeightFiles, read_json


@dataclass(frozen=True)
class Loaded:
    """A model, and how the file fitted it.

    Attributes:
        model: the model.
        missing: weights that the file lacks: those of heads the caller asked for have their
            initial values; a head that the architecture should have is left out.
        unexpected: tensors of the file that the model has no place for.
    """

    model: keras.Model
    missing: list[str]
    unexpected: list[str]


def from_pretrained(folder: str | os.PathLike, **arguments: Any) -> keras.Model:
    """Returns the model of a folder as Hugging Face writes it.

    Reads config.json and model.safetensors, or the shards of model.safetensors.index.json. The
    class follows from the config, and the heads are those the file holds. Warns of tensors without
    a place, and of weights that the file lacks. What else the config says (ids of special tokens,
    …) stays with the model as `further_config`, for `save_pretrained`.

    Args:
        folder: the folder.
        **arguments: of the model's constructor, in place of what the config says, such as
            `dropout`, `dtype`, or `heads`: heads of the caller's choice, which the file may lack.

    Raises:
        ValueError: if the folder is not what it should be: something is missing, malformed,
            unsupported, or does not fit. Then no model is made.

    Example:

    ```python
    model = from_pretrained("bert-base-uncased", heads={"sequence_classification": {"labels": 3}})
    ```
    """
    loaded = load_pretrained(folder, **arguments)
    for what, names in (
        ("weights are not in the file", loaded.missing),
        ("tensors of the file have no place in the model", loaded.unexpected),
    ):
        if names:
            warnings.warn(f"{folder}: {len(names)} {what}: {listed(names)}", stacklevel=2)
    return loaded.model


def load_pretrained(folder: str | os.PathLike, **arguments: Any) -> Loaded:
    """Like `from_pretrained`, but returns what did not fit instead of warning of it."""
    folder = Path(folder)
    config = read_json(folder / "config.json")
    family = family_of(config, folder)
    files = WeightFiles(folder, family.aliases)
    body = family.body(set(files.shapes))
    try:
        given = {**family.arguments(config), **arguments}
        held = family.held_heads(config, set(files.shapes), body)
        if any(family.architectures.values()):
            given.setdefault("heads", held)
        check_layers(given, len(files.shapes))
        with unallocated() as variables:
            model = family.model(**given)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / 'config.json'} describes no model: {error}") from error
    places = list(expand(family.rules, model, body))
    wrong, missing = [], []
    for rule, variable in places:
        expected = rule.file_shape(tuple(variable.shape), config)
        if rule.theirs not in files.shapes:
            missing.append(rule)
        elif files.shapes[rule.theirs] != expected:
            wrong.append(f"{rule.theirs} is {files.shapes[rule.theirs]}, not {expected}")
    if wrong:
        raise ValueError(f"{folder}: {len(wrong)} tensors do not fit config.json: {listed(wrong)}")
    lost = [rule.theirs for rule in missing if not ("heads" in arguments and rule.head)]
    if lost:
        raise ValueError(f"{folder}: {len(lost)} weights are not in the file: {listed(lost)}")
    placed = {rule.theirs for rule, _ in places}
    tied = {
        name.replace("{body}", body): same.replace("{body}", body)
        for name, same in family.tied.items()
    }
    check_tied({name: same for name, same in tied.items() if name not in placed}, files)
    unexpected = [
        name
        for name in files.shapes
        if name not in placed | tied.keys()
        and not any(re.search(pattern, name) for pattern in family.ignored)
    ]
    values = {id(variable): rule for rule, variable in places if rule not in missing}
    for variable in variables:
        rule = values.get(id(variable))
        allocate(variable, None if rule is None else value_of(rule, variable, files))
    model.further_config = family.further(config)
    left_out = set() if "heads" in arguments else set(family.asked_heads(config)) - held.keys()
    lacking = {name for head in left_out for name in family.tensors(body)[head]}
    return Loaded(model, sorted({rule.theirs for rule in missing} | lacking), sorted(unexpected))


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
    known = sorted(family.model_type for family in FAMILIES)
    raise ValueError(f"{folder / 'config.json'} has model_type={kind!r}, not one of {known}.")


def check_layers(arguments: dict[str, Any], tensors: int) -> None:
    """Raises if there are to be more layers than the file has tensors: building takes time."""
    layers = arguments.get("num_layers", 1)
    for number in layers if isinstance(layers, (list, tuple)) else [layers]:
        if not isinstance(number, int) or not 1 <= number <= tensors:
            raise ValueError(f"num_layers={number!r}, and the file has {tensors} tensors.")


def check_tied(tied: dict[str, str], files: WeightFiles) -> None:
    """Raises if a tensor that is kept once here has two values in the file."""
    for name, same in tied.items():
        if {name, same} <= files.shapes.keys() and not np.array_equal(
            files.read(name), files.read(same)
        ):
            raise ValueError(
                f"{name} differs from {same}, and the model keeps them as one: pass tied=False if "
                "it takes that, or mend tie_word_embeddings in config.json."
            )


def value_of(rule, variable: keras.Variable, files: WeightFiles) -> Any:
    """Returns what the file says of a variable, in its dtype."""
    value = rule.from_file(files.read(rule.theirs), tuple(variable.shape))
    return value if value.dtype.name == variable.dtype else ops.cast(value, variable.dtype)


def listed(names: list[str], most: int = 5) -> str:
    """Returns the first few of some names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

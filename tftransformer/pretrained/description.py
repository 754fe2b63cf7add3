"""What config.json says of a model, so that a reader finds the same model again."""

import json
from collections.abc import Mapping, Set
from typing import Any

import keras

from tftransformer.core import unallocated
from tftransformer.pretrained import entries
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config
from tftransformer.pretrained.rules import named

# Entries that a caller may write otherwise than the model says: names.
FREE = entries.LABELS | {"architectures", "torch_dtype", "dtype"}
# Of a layer's configuration, what no folder keeps.
UNSAID = {"name", "dtype", "trainable", "shared_object_id", "build_config", "registered_name"}


def describe(model: keras.Model, family: Family, config: Config) -> dict[str, Any]:
    """Returns config.json of a model.

    Args:
        model: the model.
        family: its family.
        config: further entries of the caller's.

    Raises:
        ValueError: if a reader would not find the same heads again, or `config` contradicts the
            model.
    """
    arguments = keras.saving.deserialize_keras_object(model.get_config())
    heads = getattr(model, "heads", {})
    # With the prefix as "{body}".
    names = named(model, family.rules, "{body}").keys()
    said = family.config(arguments, heads, names)
    for entry in said.keys() & config.keys() - FREE:
        if said[entry] != config[entry]:
            raise ValueError(
                f"config has {entry}={config[entry]!r}, and the model {said[entry]!r}: give what "
                "config.json may say beside the model."
            )
    description = {
        **getattr(model, "further_config", {}),
        **said,
        "torch_dtype": model.variable_dtype,
        **config,
    }
    if comes_back(model, family, description, names):
        return description
    description[entries.HEADS] = plain(arguments["heads"])
    if not comes_back(model, family, description, names):
        raise ValueError(
            f"the heads {sorted(heads)} have properties that config.json cannot express: use "
            "model.save(…), or save the heads that you need, one or a few at a time."
        )
    return description


def comes_back(model: keras.Model, family: Family, description: Config, names: Set[str]) -> bool:
    """Whether a reader finds the heads of a model again, with all that they were given."""
    heads = getattr(model, "heads", {})
    body = family.bodies.get(description["architectures"][0], family.bodies[None])
    config = family.whole(description)
    held = family.held_heads(config, {name.replace("{body}", body) for name in names}, body)
    # Nor may the architecture ask for more: a reader would miss it.
    told = entries.HEADS in config or held.keys() >= set(family.asked_heads(config))
    if not told or held.keys() != heads.keys():
        return False
    if not heads:
        return True
    with unallocated():
        twin = family.model(**{**family.arguments(config), "heads": held})
    return all(equal(twin.heads[name].get_config(), heads[name].get_config()) for name in heads)


def plain(heads: Any) -> dict[str, dict[str, Any]]:
    """Returns heads, as a constructor takes them, as an object of JSON."""
    if not isinstance(heads, Mapping):
        return {name: {} for name in heads}
    try:
        return json.loads(json.dumps({name: dict(given) for name, given in heads.items()}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "a head that is a layer of your own has no place in config.json: use model.save(…)."
        ) from error


def equal(one: Any, other: Any, key: str = "") -> bool:
    """Whether two configurations of layers say the same of what a folder keeps."""
    if key == "labels" and int in (type(one), type(other)):
        return number(one) == number(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = (one.keys() | other.keys()) - UNSAID
        return all(
            equal(one.get(name), other.get(name), name)
            for name in keys
            if not name.endswith("initializer")
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def number(labels: Any) -> int:
    """How many labels there are, by their number or their names."""
    return labels if isinstance(labels, int) else len(labels)

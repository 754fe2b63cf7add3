"""Family: all that is to know about the files of one kind of model."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.pretrained.rules import Rule

Config = Mapping[str, Any]
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_python": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "linear": "linear",
    "relu6": "relu6",
    "mish": "mish",
}
# Entries that describe the file itself and are written anew.
VERSIONS = {"architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path"}


@dataclass(frozen=True)
class Field:
    """One entry of config.json and the argument of our constructor that says the same.

    An entry that the file lacks leaves the argument at its default, so the defaults of our
    constructors are those of the published configurations.

    Attributes:
        theirs: the entry.
        ours: the argument.
        load: (value, config) → the argument; default: the value itself.
        save: (argument, arguments) → the entry.
    """

    theirs: str
    ours: str
    load: Callable[[Any, Config], Any] = lambda value, config: value
    save: Callable[[Any, Mapping[str, Any]], Any] = lambda value, arguments: value


def activation(theirs: str, ours: str = "activation") -> Field:
    """The entry that names an activation."""

    def load(name, config):
        if name not in ACTIVATIONS:
            raise ValueError(f"{theirs} is {name!r}, which is none of {sorted(ACTIVATIONS)}.")
        return ACTIVATIONS[name]

    def save(name, arguments):
        names = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
        if name not in names:
            raise ValueError(f"Hugging Face has no name for the activation {name!r}.")
        return names[name]

    return Field(theirs, ours, load, save)


def causal(theirs: str) -> Field:
    """The entry that says whether the mask is causal."""

    def save(mask, arguments):
        if mask not in (None, PaddingMask(), CausalMask() & PaddingMask()):
            raise ValueError(f"Hugging Face has no name for the mask {mask!r}.")
        return mask == CausalMask() & PaddingMask()

    return Field(
        theirs,
        "mask",
        lambda value, config: CausalMask() & PaddingMask() if value else PaddingMask(),
        save,
    )


@dataclass(frozen=True)
class Family:
    """The files of one kind of model, as data.

    Attributes:
        model_type: the entry `model_type` of config.json.
        model: our class.
        fields: what config.json says and our constructor takes.
        architectures: for each of Hugging Face's classes the names of our heads; those without
            heads of their own last.
        rules: for each variable its name in the file.
        bodies: the prefix `{body}` for an architecture; under None for all others.
        labelled: heads whose argument `labels` is the entry `id2label`.
        fixed: entries that we support with one value alone.
        constants: arguments that are not in the file: name → (config) → what they may be, first
            what a loaded model gets.
        defaults: what Hugging Face assumes of entries that a file lacks, where it is not the
            default of our constructor.
        tied: tensors that some files hold although they equal another: name → the other's name.
        derived: tensors that are written although they follow from the config: name → (config) →
            tensor; read, they are among the ignored.
        ignored: patterns (regular expressions) of tensors that are no weights.
        aliases: (pattern, replacement): old spellings of names.
    """

    model_type: str
    model: type[keras.Model]
    fields: tuple[Field, ...]
    architectures: Mapping[str, tuple[str, ...]]
    rules: list[Rule]
    bodies: Mapping[str | None, str] = field(default_factory=lambda: {None: ""})
    labelled: tuple[str, ...] = ("sequence_classification", "token_classification")
    fixed: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Callable[[Config], tuple]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, Callable[[Config], np.ndarray]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()

    def arguments(self, config: Config) -> dict[str, Any]:
        """Returns the arguments of our constructor, but for the heads."""
        config = {**self.defaults, **config}
        for entry, value in self.fixed.items():
            if config.get(entry, value) != value:
                raise ValueError(
                    f"config.json has {entry}={config[entry]!r}; only {value!r} is supported."
                )
        arguments = {
            field.ours: field.load(config[field.theirs], config)
            for field in self.fields
            if field.theirs in config
        }
        arguments |= {name: values(config)[0] for name, values in self.constants.items()}
        for name, parameter in inspect.signature(self.model).parameters.items():
            check_kind(name, arguments.get(name), parameter.annotation)
        return arguments

    def further(self, config: Config) -> dict[str, Any]:
        """Returns the entries that have no argument of ours and stay true of a saved copy."""
        known = {field.theirs for field in self.fields} | {"id2label", "label2id"} | VERSIONS
        return {entry: value for entry, value in config.items() if entry not in known}

    def body(self, names: set[str]) -> str:
        """Returns the prefix that the names in a file have."""
        first = next(rule.theirs for rule in self.rules if "{body}" in rule.theirs)
        for body in self.bodies.values():
            if first.replace("{body}", body).replace("{n}", "0") in names:
                return body
        return self.bodies[None]

    def tensors(self, body: str) -> dict[str, set[str]]:
        """Returns for each head the names of its tensors, those that are ties left out."""
        tensors: dict[str, set[str]] = {}
        for rule in self.rules:
            if rule.head and rule.theirs not in self.tied:
                name = rule.theirs.replace("{body}", body).replace("{n}", "0")
                tensors.setdefault(rule.head, set()).add(name)
        return tensors

    def asked_heads(self, config: Config) -> tuple[str, ...]:
        """Returns the heads that the architecture in the config has."""
        known = [name for name in config.get("architectures") or () if name in self.architectures]
        return self.architectures[known[0]] if known else ()

    def held_heads(self, config: Config, names: set[str], body: str) -> dict[str, dict[str, Any]]:
        """Returns the heads that a file holds, with their arguments.

        Those of the architecture of which it holds anything, or which have nothing to hold; and
        others whose tensors are all there and nobody else's.
        """
        tensors = self.tensors(body)
        held = [
            head
            for head in self.asked_heads(config)
            if head not in tensors or not tensors[head].isdisjoint(names)
        ]
        for head, wanted in tensors.items():
            others = set().union(*(theirs for other, theirs in tensors.items() if other != head))
            if head not in held and wanted <= names and wanted.isdisjoint(others):
                held.append(head)
        return {head: self._labels(config) if head in self.labelled else {} for head in held}

    def _labels(self, config: Config) -> dict[str, Any]:
        if "id2label" in config:
            names = config["id2label"]
            return {"labels": [names[key] for key in sorted(names, key=int)]}
        return {"labels": config.get("num_labels", 2)}

    def architecture(self, heads: set[str]) -> str:
        """Returns the class of Hugging Face that covers most of the heads."""
        fitting = [name for name, has in self.architectures.items() if heads.issuperset(has)]
        plain = [name for name in self.architectures if name in self.bodies]
        return max(fitting or plain, key=lambda name: len(self.architectures[name]))

    def config(self, arguments: Mapping[str, Any], heads: Mapping[str, Any]) -> dict[str, Any]:
        """Returns config.json for a model with these arguments and heads."""
        lacking = {f.ours for f in self.fields} - arguments.keys()
        if lacking:
            raise ValueError(f"config.json says {sorted(lacking)}: build the model with them.")
        config = {
            "architectures": [self.architecture(set(heads))],
            "model_type": self.model_type,
            **self.fixed,
            **{f.theirs: f.save(arguments[f.ours], arguments) for f in self.fields},
        }
        for name, values in self.constants.items():
            if not any(alike(arguments.get(name), value) for value in values(config)):
                raise ValueError(
                    f"Hugging Face has no name for {name}={arguments.get(name)!r}, only for "
                    f"{values(config)[0]!r}: use model.save(…)."
                )
        for head in self.labelled:
            if head in heads:
                labels = heads[head].labels
                if isinstance(labels, int):
                    labels = [f"LABEL_{n}" for n in range(labels)]
                config["id2label"] = {str(n): name for n, name in enumerate(labels)}
                config["label2id"] = {name: n for n, name in enumerate(labels)}
        return config


def alike(one: Any, other: Any) -> bool:
    """Whether two arguments are equal, layers by their configurations but for their names."""
    if not isinstance(one, keras.layers.Layer) or type(one) is not type(other):
        return one == other
    configs = [layer.get_config() for layer in (one, other)]
    return all(configs[0][key] == configs[1][key] for key in configs[0].keys() - {"name", "dtype"})


def check_kind(name: str, value: Any, annotation: Any) -> None:
    """Raises if a number or a bool is expected, by the annotation, and the value is another."""
    good = {
        int: lambda: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        float: lambda: isinstance(value, (int, float)) and 0 <= value < float("inf"),
        bool: lambda: isinstance(value, bool),
    }
    kind = annotation
    if types.NoneType in typing.get_args(annotation):
        kind = next(one for one in typing.get_args(annotation) if one is not types.NoneType)
    if value is not None and kind in good and not good[kind]():
        raise ValueError(f"{name}={value!r} is no {kind.__name__}, or out of range.")

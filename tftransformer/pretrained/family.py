"""Family: all that is to know about the files of one kind of model."""

import inspect
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from tftransformer.pretrained import entries
from tftransformer.pretrained.fields import Config, Field, check_kind
from tftransformer.pretrained.rules import Rule

# More are no labels of a head, but a mistake or an attack.
MOST_LABELS = 10_000_000


@dataclass(frozen=True)
class Family:
    """The files of one kind of model, as data.

    Attributes:
        model_type: the entry `model_type` of config.json.
        model: our class.
        fields: what config.json says and our constructor takes.
        defaults: what transformers assumes of entries that a file lacks; a function (config) →
            value of those that it makes of others, also where they are null.
        architectures: for each of Hugging Face's classes the names of our heads; those without
            heads of their own last.
        rules: for each variable its name in the file.
        bodies: the prefix `{body}` for an architecture; under None for all others.
        labelled: heads whose argument `labels` is the entry `id2label`.
        head_fields: for each head what config.json says and our head takes, beside the labels.
        fixed: entries that we support with one value alone, and write.
        expected: such entries that we do not write.
        head_fixed: for each head such entries that matter where the head is, and only there.
        implied: entries that follow from others: name → (config) → what they must be.
        unused: entries that change neither outputs nor training, beside those of all families.
        synonyms: other names that transformers takes for an entry.
        respelled: from a config that other versions of transformers wrote to the same in the
            entries that are known here.
        constants: arguments that are not in the file: name → (config) → what they may be, first
            what a loaded model gets.
        tied: tensors that some files hold although they equal another: name → the other's name.
        derived: tensors that are written although they follow from the config: name → (config) →
            tensor; read, they are among the ignored.
        ignored: patterns (regular expressions) of tensors that are no weights.
        aliases: (pattern, replacement): old spellings of names.
    """

    model_type: str
    model: type[keras.Model]
    fields: tuple[Field, ...]
    defaults: Mapping[str, Any]
    architectures: Mapping[str, tuple[str, ...]]
    rules: list[Rule]
    bodies: Mapping[str | None, str] = field(default_factory=lambda: {None: ""})
    labelled: tuple[str, ...] = ("sequence_classification", "token_classification")
    head_fields: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    head_fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    implied: Mapping[str, Callable[[Config], Any]] = field(default_factory=dict)
    unused: Set[str] = frozenset()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    respelled: Callable[[Config], Config] = lambda config: config
    constants: Mapping[str, Callable[[Config], tuple]] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, Callable[[Config], np.ndarray]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()

    # What a config says.

    def whole(self, config: Config) -> dict[str, Any]:
        """Returns a config with each entry under its first name, and with what it leaves out.

        Raises:
            ValueError: if two names of one entry disagree, or an entry has a value that is not
                supported.
        """
        config = dict(config)
        for synonym, name in self.synonyms.items():
            value = config.pop(synonym, config.get(name))
            if config.get(name, value) != value:
                raise ValueError(f"{synonym}={value!r} and {name}={config[name]!r} are one entry.")
            if value is not None:
                config[name] = value
        if config.get("id2label") is None and config.get("num_labels") is not None:
            number = config["num_labels"]
            if number not in range(1, MOST_LABELS):
                raise ValueError(f"num_labels={number!r} is no number of labels.")
            config["id2label"] = {str(n): f"LABEL_{n}" for n in range(number)}
        config = {**self.defaults, **config}
        for name, value in self.defaults.items():
            if callable(value):
                told = config[name] not in (None, value)
                config[name] = config[name] if told else value(config)
        known = {field.theirs for field in self.fields} | self.unused
        fixed = {name: one for name, one in entries.FIXED.items() if name not in known}
        check_fixed(config, {**fixed, **self.fixed, **self.expected})
        for name, follows in self.implied.items():
            if config.get(name) is not None and config[name] != follows(config):
                raise ValueError(
                    f"{name}={config[name]!r}, where the other entries make it {follows(config)!r}."
                )
        return config

    def arguments(self, config: Config) -> dict[str, Any]:
        """Returns the arguments of our constructor, but for the heads, of a whole config."""
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
        known = {field.theirs for field in self.fields} | entries.LABELS | entries.VERSIONS
        known |= self.implied.keys() | self.synonyms.keys()
        return {entry: value for entry, value in config.items() if entry not in known}

    def unread(self, config: Config) -> list[str]:
        """Returns the entries of which nobody here knows whether they matter."""
        known = {field.theirs for field in self.fields} | entries.LABELS | entries.VERSIONS
        known |= entries.FIXED.keys() | entries.UNUSED | self.unused | self.fixed.keys()
        known |= self.expected.keys()
        known |= self.implied.keys() | self.synonyms.keys() | self.defaults.keys()
        known |= {field.theirs for fields in self.head_fields.values() for field in fields}
        known |= {name for fixed in self.head_fixed.values() for name in fixed}
        return sorted(name for name in config if name not in known and not name.startswith("_"))

    # Names of tensors.

    def body(self, names: Set[str]) -> str:
        """Returns the prefix that most names in a file have."""
        rules = [rule for rule in self.rules if "{body}" in rule.theirs]

        def held(body: str) -> int:
            return sum(rule.first(body) in names for rule in rules)

        return max(self.bodies.values(), key=held)

    def ties(self, arguments: Mapping[str, Any], body: str) -> dict[str, str]:
        """Returns for each tensor that a model keeps as another the other's name."""
        own = set()  # what a model whose head is not tied keeps for itself
        if not arguments.get("tied", True) or arguments.get("tie") == "none":
            own = {rule.theirs for rule in self.rules if rule.head}
        return {
            name.replace("{body}", body): same.replace("{body}", body)
            for name, same in self.tied.items()
            if name not in own
        }

    def tensors(self, body: str) -> dict[str, set[str]]:
        """Returns for each head the names of its tensors, those that are ties left out."""
        tensors: dict[str, set[str]] = {}
        for rule in self.rules:
            if rule.head and rule.theirs not in self.tied:
                tensors.setdefault(rule.head, set()).add(rule.first(body))
        return tensors

    # Heads.

    def asked_heads(self, config: Config, wanted: str | None = None) -> tuple[str, ...]:
        """Returns the heads that the architecture in the config has.

        Where none is named that is known here, those of one that has the `wanted` head.
        """
        known = [name for name in config.get("architectures") or () if name in self.architectures]
        known = known or [name for name, heads in self.architectures.items() if wanted in heads]
        return self.architectures[known[0]] if known else ()

    def outputs(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """Returns how many outputs the labelled heads have, by the shapes in a file."""
        wanted = {f"heads.{head}.projection.kernel": head for head in self.labelled}
        return {
            wanted[rule.ours]: shapes[rule.theirs][0]
            for rule in self.rules
            if rule.ours in wanted and shapes.get(rule.theirs)
        }

    def held_heads(
        self,
        config: Config,
        names: Set[str],
        body: str,
        outputs: Mapping[str, int] = MappingProxyType({}),
        wanted: str | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Returns the heads that a file holds, with their arguments.

        Those that our own entry names; else those of the architecture of which the file holds
        anything, or which have nothing to hold; and others whose tensors are all there and nobody
        else's.

        Args:
            config: a whole config.
            names: names of the tensors in the file.
            body: the prefix of the file.
            outputs: how many outputs heads have, where the file says it.
            wanted: the head that counts where the config names no architecture.
        """
        told = config.get(entries.HEADS)
        if told is not None:
            if not isinstance(told, dict) or not all(isinstance(v, dict) for v in told.values()):
                raise ValueError(f"{entries.HEADS}={told!r} is no object of heads.")
            number = len(config.get("id2label") or ())
            named = {"labels": label_names(config, number)} if number else {}
            return {
                head: own | (named if head in self.labelled and own.get("labels") == number else {})
                for head, own in told.items()
            }
        tensors = self.tensors(body)
        held = [
            head
            for head in self.asked_heads(config, wanted)
            if head not in tensors or not tensors[head].isdisjoint(names)
        ]
        for head, own in tensors.items():
            others = set().union(*(theirs for other, theirs in tensors.items() if other != head))
            if head not in held and own <= names and own.isdisjoint(others):
                held.append(head)
        return {head: self.head_arguments(head, config, outputs.get(head)) for head in held}

    def head_arguments(
        self, head: str, config: Config, outputs: int | None = None
    ) -> dict[str, Any]:
        """Returns the arguments of a head that the config states; null states nothing."""
        values = {f.ours: f.load(config[f.theirs], config) for f in self.head_fields.get(head, ())}
        arguments = {name: value for name, value in values.items() if value is not None}
        if head in self.labelled:
            arguments["labels"] = label_names(config, outputs)
        return arguments

    def check_heads(self, config: Config, heads: Any) -> None:
        """Raises if heads need entries of the config that have a value not supported."""
        for head in heads:
            check_fixed(config, self.head_fixed.get(head, {}))

    def architecture(self, heads: Set[str], names: Set[str]) -> str:
        """Returns the class of Hugging Face that finds most of its weights in a file.

        Args:
            heads: the heads of the model.
            names: its tensors, with the prefix written "{body}".
        """
        tensors = self.tensors("{body}")

        def fit(name: str) -> tuple:
            own = set(self.architectures[name])
            lacking = set().union(*(tensors.get(head, set()) for head in own - heads))
            return lacking <= names, len(own & heads), name in self.bodies, -len(own - heads)

        return max(self.architectures, key=fit)

    # What a model says.

    def config(
        self, arguments: Mapping[str, Any], heads: Mapping[str, Any], names: Set[str]
    ) -> dict[str, Any]:
        """Returns config.json for a model with these arguments, heads and names of tensors."""
        lacking = {f.ours for f in self.fields} - arguments.keys()
        if lacking:
            raise ValueError(f"config.json says {sorted(lacking)}: build the model with them.")
        config = {
            "architectures": [self.architecture(set(heads), names)],
            "model_type": self.model_type,
            **self.fixed,
        }
        for f in self.fields:
            value = f.save(arguments[f.ours], arguments)
            if config.setdefault(f.theirs, value) != value:
                raise ValueError(
                    f"Hugging Face has one entry, {f.theirs}, for two rates or sizes of the model, "
                    f"which has {config[f.theirs]!r} and {f.ours}={value!r}."
                )
        for name, values in self.constants.items():
            if not any(alike(arguments.get(name), value) for value in values(config)):
                raise ValueError(
                    f"Hugging Face has no name for {name}={arguments.get(name)!r}, only for "
                    f"{values(config)[0]!r}: use model.save(…)."
                )
        config |= {name: follows(config) for name, follows in self.implied.items()}
        for head, layer in heads.items():
            config |= self.head_fixed.get(head, {})
            for f in self.head_fields.get(head, ()):
                config[f.theirs] = f.save(layer.get_config()[f.ours], arguments)
        for head in self.labelled:
            if head in heads:
                labels = heads[head].labels
                if isinstance(labels, int):
                    labels = [f"LABEL_{n}" for n in range(labels)]
                config["id2label"] = {str(n): name for n, name in enumerate(labels)}
                config["label2id"] = {name: n for n, name in enumerate(labels)}
        return config


def check_fixed(config: Config, fixed: Mapping[str, Any]) -> None:
    """Raises if an entry has another value than the one that is supported."""
    for entry, value in fixed.items():
        if config.get(entry, value) != value:
            hint = ""
            if entry == "quantization_config":
                hint = " Load the folder in transformers, dequantise it and save it again."
            raise ValueError(
                f"config.json has {entry}={config[entry]!r}; only {value!r} is supported.{hint}"
            )


def label_names(config: Config, outputs: int | None = None) -> list[str]:
    """Returns the names of the labels in their order; transformers' default are two.

    Args:
        config: a whole config.
        outputs: how many the head has, if that is known: those without a name are called
            `LABEL_2`, as transformers calls them.

    Raises:
        ValueError: if there are names of what the head has not, or gaps that nothing fills.
    """
    names = config.get("id2label")
    if names is None:
        return [f"LABEL_{n}" for n in range(outputs or 2)]
    if outputs is None:
        if sorted(names, key=int) != [str(n) for n in range(len(names))]:
            raise ValueError(
                f"id2label numbers labels by {sorted(names)}, not from 0 without a gap."
            )
        outputs = len(names)
    known = [str(n) for n in range(outputs)]
    beyond = sorted(names.keys() - set(known))
    if beyond:
        raise ValueError(
            f"id2label names {names[beyond[0]]!r}, the label {beyond[0]}, and the head of the file "
            f"has {outputs} outputs: mend id2label in config.json."
        )
    return [names.get(n, f"LABEL_{n}") for n in known]


def alike(one: Any, other: Any) -> bool:
    """Whether two arguments are equal, layers by their configurations but for their names."""
    if not isinstance(one, keras.layers.Layer) or type(one) is not type(other):
        return one == other
    configs = [layer.get_config() for layer in (one, other)]
    return all(configs[0][key] == configs[1][key] for key in configs[0].keys() - {"name", "dtype"})

"""Rules: which tensor of a file is which variable of a model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

Config = Mapping[str, Any]
NUMBERS = ("{n}", "{m}")  # of elements of lists in paths, from the outermost list on


@dataclass(frozen=True)
class Rule:
    """One tensor of the file, or one part of it, and the variable it fills.

    Attributes:
        ours: where the variable is, as attributes, list indices and dict keys from the model on:
            "stack.layers.{n}.attention.query.kernel". `{n}` runs over the list before it, and so
            does `{m}` over a list in that. Where a step is None, not a key or a layer without
            weights, the model lacks the variable and the rule has nothing to do.
        theirs: the tensor's name: "{body}encoder.layer.{n}.attention.self.query.weight". `{body}`
            is the prefix of the model without heads, which some files have and some lack.
        transpose: whether the tensor is (out, in), as torch's Linear keeps it, and ours (in, out).
        part: (index, number): the variable is one of so many equal parts of the tensor.
        axis: axis of the tensor, along which the parts lie.
        groups: from the model to how many groups lie along the axis, each with a share of every
            part: its heads, where queries, keys and values lie side by side in each.
        shape: from the file's config to the tensor's shape, where it differs from ours by more
            than the transposition; the order of the numbers is the same.
        axes: order of that shape's axes in which the numbers lie as ours do, if it is another.
        head: name of the head the variable belongs to; default: read off `ours`.
        when: whether the rule is for a model; default: for all.
    """

    ours: str
    theirs: str
    transpose: bool = False
    part: tuple[int, int] | None = None
    axis: int = -1
    groups: Callable[[Any], int] = lambda model: 1
    shape: Callable[[Config], tuple[int, ...]] | None = None
    axes: tuple[int, ...] | None = None
    head: str | None = None
    when: Callable[[Any], bool] = lambda model: True

    def __post_init__(self) -> None:
        if self.head is None and self.ours.startswith("heads."):
            object.__setattr__(self, "head", self.ours.split(".")[1])

    def matrix_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the tensor that holds variables of a shape, before any reshaping."""
        stored = list(reversed(shape)) if self.transpose else list(shape)
        if self.part:
            stored[self.axis] *= self.part[1]
        return tuple(stored)

    def file_shape(self, shape: tuple[int, ...], config: Config) -> tuple[int, ...]:
        """The shape in the file of the tensor for a variable of a shape."""
        return tuple(self.shape(config)) if self.shape else self.matrix_shape(shape)

    def first(self, body: str) -> str:
        """The tensor's name, or that of the first of several, with the prefix `body`."""
        name = self.theirs.replace("{body}", body)
        for number in NUMBERS:
            name = name.replace(number, "0")
        return name

    def from_file(self, tensor: np.ndarray, shape: tuple[int, ...], model: Any) -> np.ndarray:
        """The value of the variable, which has a shape, of a model."""
        tensor = tensor.transpose(self.axes) if self.axes else tensor
        tensor = tensor.reshape(self.matrix_shape(shape))
        if self.part:
            index, number = self.part
            groups = np.split(tensor, self.groups(model), axis=self.axis)
            parts = [np.split(group, number, axis=self.axis)[index] for group in groups]
            tensor = np.concatenate(parts, axis=self.axis)
        return tensor.T if self.transpose else tensor

    def to_file(self, values: list[np.ndarray], config: Config, model: Any) -> np.ndarray:
        """The tensor, from the values of the variables that share it, in the order of parts."""
        values = [value.T if self.transpose else value for value in values]
        tensor = values[0]
        if self.part:
            parts = [np.split(value, self.groups(model), axis=self.axis) for value in values]
            in_order = [part for group in zip(*parts, strict=True) for part in group]
            tensor = np.concatenate(in_order, axis=self.axis)
        if self.shape:
            shape = self.shape(config)
            axes = self.axes or range(len(shape))
            tensor = tensor.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))
        return np.ascontiguousarray(tensor)


def dense(ours: str, theirs: str, bias: bool = True, **options: Any) -> list[Rule]:
    """Rules for a `Dense` layer and torch's Linear."""
    rules = [Rule(f"{ours}.kernel", f"{theirs}.weight", transpose=True, **options)]
    return [*rules, Rule(f"{ours}.bias", f"{theirs}.bias", **options)] if bias else rules


def norm(ours: str, theirs: str, bias: bool = True) -> list[Rule]:
    """Rules for a norm."""
    rules = [Rule(f"{ours}.gamma", f"{theirs}.weight")]
    return [*rules, Rule(f"{ours}.beta", f"{theirs}.bias")] if bias else rules


def table(ours: str, theirs: str, **options: Any) -> list[Rule]:
    """The rule for an `Embedding` layer."""
    return [Rule(f"{ours}.embeddings", f"{theirs}.weight", **options)]


def find(model: Any, path: str) -> Any:
    """Follows a path of attributes, indices and keys; None where the model lacks the part."""
    found = model
    for step in path.split("."):
        if found is None or (isinstance(found, keras.layers.Layer) and not found.built):
            return None
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list):
            found = found[int(step)]
        else:
            found = getattr(found, step)
    return found


def numbered(rule: Rule, model: Any) -> Iterator[Rule]:
    """Gives a rule once for each element of the lists in its path, with the numbers written out."""
    number = next((name for name in NUMBERS if f".{name}" in rule.ours), None)
    if number is None:
        yield rule
        return
    for n in range(len(find(model, rule.ours.partition(f".{number}")[0]) or ())):
        written = {name: getattr(rule, name).replace(number, str(n)) for name in ("ours", "theirs")}
        yield from numbered(replace(rule, **written), model)


def expand(rules: list[Rule], model: Any, body: str) -> Iterator[tuple[Rule, Any]]:
    """Gives, for a model, each rule with its names written out, and the variable."""
    for rule in rules:
        if not rule.when(model):
            continue
        rule = replace(rule, theirs=rule.theirs.replace("{body}", body))
        for written in numbered(rule, model):
            variable = find(model, written.ours)
            if variable is not None:
                yield written, variable


def named(model: Any, rules: list[Rule], body: str) -> dict[str, list[tuple[Rule, Any]]]:
    """Returns for each tensor of a model's file its variables, in the order of their parts.

    Raises:
        ValueError: if a weight has no name, or two of them have one.
    """
    places: dict[str, list[tuple[Rule, Any]]] = {}
    for rule, variable in expand(rules, model, body):
        places.setdefault(rule.theirs, []).append((rule, variable))
    known = {id(variable) for found in places.values() for _, variable in found}
    nameless = [weight.path for weight in model.weights if id(weight) not in known]
    if nameless:
        raise ValueError(
            f"Hugging Face has no names for {nameless[:5]}: use model.save(…)."
            + " Of LoRA it has: recipes.merge_lora(model) first." * ("lora" in str(nameless))
        )
    for name, found in places.items():
        number = found[0][0].part[1] if found[0][0].part else 1
        if len(found) != number:
            name = name.replace("{body}", "")
            raise ValueError(
                f"the model has {len(found)} weights for {name}, not {number}: Hugging Face has "
                "no model with all of its heads, so save fewer, or use model.save(…)."
            )
        found.sort(key=lambda place: place[0].part or (0, 1))
    return places

"""Field: one entry of config.json and the argument that says the same."""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tftransformer.masks import CausalMask, PaddingMask

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


@dataclass(frozen=True)
class Field:
    """One entry of config.json and the argument of our constructor that says the same.

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

    def load(name: str, config: Mapping[str, Any]) -> Any:
        if name not in ACTIVATIONS:
            raise ValueError(f"{theirs} is {name!r}, which is none of {sorted(ACTIVATIONS)}.")
        return ACTIVATIONS[name]

    def save(name: str, arguments: Any) -> Any:
        names = {ours: name for name, ours in reversed(ACTIVATIONS.items())}
        if name not in names:
            raise ValueError(f"Hugging Face has no name for the activation {name!r}.")
        return names[name]

    return Field(theirs, ours, load, save)


def causal(theirs: str) -> Field:
    """The entry that says whether the mask is causal."""

    def save(mask: Any, arguments: Any) -> Any:
        if mask not in (None, PaddingMask(), CausalMask() & PaddingMask()):
            raise ValueError(f"Hugging Face has no name for the mask {mask!r}.")
        return mask == CausalMask() & PaddingMask()

    return Field(
        theirs,
        "mask",
        lambda value, config: CausalMask() & PaddingMask() if value else PaddingMask(),
        save,
    )


def check_kind(name: str, value: Any, annotation: Any) -> None:
    """Raises if a number or a bool is expected, by the annotation, and the value is another."""
    good = {
        int: lambda: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        float: lambda: isinstance(value, (int, float)) and 0 <= value < float("inf"),
        bool: lambda: isinstance(value, bool),
    }
    kinds = [one for one in typing.get_args(annotation) if one is not types.NoneType]
    kind = kinds[0] if len(kinds) == 1 else annotation
    if value is not None and kind in good and not good[kind]():
        raise ValueError(f"{name}={value!r} is no {kind.__name__}, or out of range.")

"""Options out of the objects: what a constructor or a method takes, and what its docstring says."""

import argparse
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

KINDS = (str, int, float)


class Option(NamedTuple):
    """An argument that a shell can give.

    Attributes:
        name: of the argument.
        kind: `str`, `int`, `float`, or `bool` for one that is given without a value.
        default: of the argument.
        said: what the docstring says of it.
    """

    name: str
    kind: type
    default: Any
    said: str

    @property
    def flag(self) -> str:
        """How it is spelled in a shell."""
        return "--" + self.name.replace("_", "-")


def options_of(function: Callable[..., Any], docstring: str | None = None) -> list[Option]:
    """The arguments of a function that are strings, numbers or switches.

    Args:
        function: the function, or a class for its constructor.
        docstring: where its arguments are described; default: its own.
    """
    said = described(inspect.cleandoc(docstring or function.__doc__ or ""))
    annotated = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    hints = typing.get_type_hints(annotated)
    return [
        Option(name, kind, parameter.default, said.get(name, ""))
        for name, parameter in inspect.signature(function).parameters.items()
        if (kind := _kind(hints.get(name))) is not None
        and parameter.default is not inspect.Parameter.empty
    ]


def sizes_as_options(sizes: Mapping[str, Any]) -> list[Option]:
    """The sizes of a model from scratch, by name, with their defaults."""
    said = "of a model from scratch"
    return [Option(name, type(value), value, said) for name, value in sizes.items()]


def add_options(parser: Any, options: Iterable[Option]) -> None:
    """Declares options; what is not given is left to the object."""
    for option in options:
        told = f"; default: {option.default}"
        if option.default is None or option.kind is bool or "default" in option.said:
            told = ""
        how: dict[str, Any] = {"help": (option.said + told).replace("%", "%%"), "default": None}
        if option.kind is bool:
            how["action"] = argparse.BooleanOptionalAction if option.default else "store_true"
        else:
            how |= {"type": option.kind, "metavar": option.kind.__name__.upper()}
        parser.add_argument(option.flag, **how)


def given(options: argparse.Namespace, declared: Iterable[Option]) -> dict[str, Any]:
    """The arguments that were given on the command line."""
    values = ((option.name, getattr(options, option.name, None)) for option in declared)
    return {name: value for name, value in values if value is not None}


def described(docstring: str) -> dict[str, str]:
    """What a docstring says of each argument, up to the first full stop."""
    _, _, behind = docstring.partition("\nArgs:\n")
    return {
        name: re.split(r"\.(?:\s|$)", " ".join(text.split()), maxsplit=1)[0].replace("`", "")
        for name, text in _entries(behind)
    }


def _entries(section: str) -> Iterator[tuple[str, str]]:
    """Names and texts of a section of a docstring, to its end."""
    body = re.split(r"\n\S", "\n" + section, maxsplit=1)[0]
    for entry in re.split(r"\n {4}(?=\S)", body)[1:]:
        name, _, text = entry.partition(":")
        yield name.strip("*"), text


def _kind(hint: Any) -> type | None:
    """The one plain type among those that an annotation allows, or None."""
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = [kind for kind in allowed if kind in KINDS or kind is bool]
    return plain[0] if len(plain) == 1 else None

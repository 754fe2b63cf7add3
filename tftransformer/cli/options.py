"""Options out of the objects: what a constructor or a method takes, and what its docstring says."""

import argparse
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

KINDS = (str, int, float)
SEVERAL = (Collection, Sequence)


class Option(NamedTuple):
    """An argument that a shell can give.

    Attributes:
        name: name of the argument.
        kind: `str`, `int`, `float`, or `bool` for one that is given without a value.
        default: default of the argument.
        said: what the docstring says of it.
        many: whether it takes several values.
        of: the argument that it is an entry of, where that is a mapping; else "".
    """

    name: str
    kind: type
    default: Any
    said: str
    many: bool = False
    of: str = ""

    @property
    def flag(self) -> str:
        """How it is spelled in a shell."""
        return "--" + self.name.replace("_", "-")


def options_of(function: Callable[..., Any], docstring: str | None = None) -> list[Option]:
    """The arguments of a function that are strings, numbers or switches, or several of them.

    Of a mapping with known names, a `TypedDict`, they are its entries, but for those whose names
    arguments have.

    Args:
        function: the function, or a class for its constructor.
        docstring: where its arguments are described; default: its own.
    """
    said = described(inspect.cleandoc(docstring or function.__doc__ or ""))
    annotated = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    hints = typing.get_type_hints(annotated)
    parameters = inspect.signature(function).parameters
    found, entries = [], []
    for name, parameter in parameters.items():
        named = _typed_dict(hints.get(name))
        if named is not None:
            of = "" if parameter.kind is parameter.VAR_KEYWORD else name
            entries += [option._replace(of=of) for option in _entries_of(named)]
        elif parameter.default is not parameter.empty:
            found += _option(name, hints.get(name), parameter.default, said)
    return found + [option for option in entries if option.name not in parameters]


def _entries_of(named: Any) -> list[Option]:
    """The entries of a `TypedDict`."""
    said = described(inspect.cleandoc(named.__doc__))
    hints = typing.get_type_hints(named)
    return [option for name, hint in hints.items() for option in _option(name, hint, None, said)]


def _option(name: str, hint: Any, default: Any, said: Mapping[str, str]) -> list[Option]:
    """The option of an argument, in a list; an empty one where a shell cannot give it."""
    kind, many = _kind(hint)
    return [] if kind is None else [Option(name, kind, default, said.get(name, ""), many)]


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
            off = option.default is False
            how["action"] = "store_true" if off else argparse.BooleanOptionalAction
        else:
            how |= {"type": option.kind, "metavar": option.kind.__name__.upper()}
            how |= {"nargs": "+"} if option.many else {}
        parser.add_argument(option.flag, **how)


def given(options: argparse.Namespace, declared: Iterable[Option]) -> dict[str, Any]:
    """The arguments that were given on the command line, entries in mappings."""
    found: dict[str, Any] = {}
    for option in declared:
        value = getattr(options, option.name, None)
        if value is not None:
            place = found.setdefault(option.of, {}) if option.of else found
            place[option.name] = value
    return found


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


def _kind(hint: Any) -> tuple[type | None, bool]:
    """The one plain type that an annotation allows, or None, and whether several of it."""
    allowed = _allowed(hint)
    several = [typing.get_args(each)[0] for each in allowed if typing.get_origin(each) in SEVERAL]
    plain = {kind for kind in (*allowed, *several) if kind in KINDS or kind is bool}
    return (plain.pop() if len(plain) == 1 else None), bool(several)


def _typed_dict(hint: Any) -> Any:
    """The `TypedDict` that an annotation allows, or unpacks, or None."""
    if typing.get_origin(hint) is typing.Unpack:
        (hint,) = typing.get_args(hint)
    return next((each for each in _allowed(hint) if typing.is_typeddict(each)), None)


def _allowed(hint: Any) -> tuple[Any, ...]:
    """The types that an annotation allows."""
    union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if union else (hint,)

"""Arguments that are checked before they do harm far away."""

import math
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard


def require(condition: Any, name: str, value: Any, expected: str) -> None:
    """Raises a ValueError that names the argument, the value given and what was expected.

    >>> require(0 > 1, "depth", 0, "an int ≥ 1")
    Traceback (most recent call last):
    ValueError: depth=0 was given; expected an int ≥ 1.
    """
    if not condition:
        raise ValueError(f"{name}={value!r} was given; expected {expected}.")


def check_names(given: Iterable[str], known: Collection[str], what: str, advice: str = "") -> None:
    """Raises a TypeError for the first name that is not known, and lists those that are.

    >>> check_names(["topk"], ["top_k"], "option of FillMask")
    Traceback (most recent call last):
    TypeError: 'topk' is no option of FillMask; they are top_k.
    """
    for name in given:
        if name not in known:
            listed = f"they are {', '.join(known)}" if known else "there is none"
            raise TypeError(f"{name!r} is no {what}; {listed}.{advice}")


def check_choice(choices: Collection[Any], /, **values: Any) -> None:
    """Raises a ValueError for the first value that is none of the choices.

    >>> check_choice(("min", "max"), mode="mean")
    Traceback (most recent call last):
    ValueError: mode='mean' was given; expected one of min, max.
    """
    for name, value in values.items():
        require(value in choices, name, value, f"one of {', '.join(map(str, choices))}")


def is_int(value: Any, at_least: int | None = None) -> TypeGuard[int]:
    """Whether `value` is a whole number (a bool is none), not below `at_least`."""
    is_one = isinstance(value, Integral) and not isinstance(value, bool)
    return is_one and (at_least is None or value >= at_least)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether `value` is a finite number (a bool is none)."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_ints(at_least: int, /, *, or_none: bool = False, **values: Any) -> None:
    """Raises a ValueError for the first value that is no int of `at_least` or more.

    Args:
        at_least: the smallest int that is accepted.
        or_none: whether None is accepted, too.
        **values: the values by the names of their arguments.
    """
    expected = f"an int ≥ {at_least}" + (" or None" if or_none else "")
    for name, value in values.items():
        accepted = is_int(value, at_least) or (or_none and value is None)
        require(accepted, name, value, expected)


def check_numbers(
    above: float, below: float = math.inf, /, *, or_none: bool = False, **values: Any
) -> None:
    """Raises a ValueError for the first value that is no finite number between two others.

    Args:
        above: what the values have to exceed.
        below: what has to exceed them.
        or_none: whether None is accepted, too.
        **values: the values by the names of their arguments.

    >>> check_numbers(0, 1, share=1.0)
    Traceback (most recent call last):
    ValueError: share=1.0 was given; expected a number between 0 and 1.
    """
    bounds = f"> {above:g}" if below == math.inf else f"between {above:g} and {below:g}"
    expected = f"a number {bounds}" + (" or None" if or_none else "")
    for name, value in values.items():
        accepted = (is_number(value) and above < value < below) or (or_none and value is None)
        require(accepted, name, value, expected)

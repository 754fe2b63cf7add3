"""Tables of Unicode that decide where texts are cut, frozen in the package.

The file beside this module is written by tools/unicode_tables.py.
"""

import functools
import json
import lzma
import pathlib
from typing import Any

FILE = pathlib.Path(__file__).with_name("unicode.json.xz")
LAST = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)  # which no text holds
SCHEME = "LMNPSZC"
# What Python's str.split takes for white space.
PYTHON_WHITE = (
    r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
)


@functools.cache
def unicode_tables() -> dict[str, Any]:
    """What the file holds: classes, combining classes, decompositions, compositions."""
    return json.loads(lzma.decompress(FILE.read_bytes()))


@functools.cache
def members(name: str) -> tuple[tuple[int, int], ...]:
    """The code points of a class as stretches, first and last of each.

    Args:
        name: a general category such as `"Lu"`, the first letter of several such as `"L"`, or
            `"s"`, `"d"`, `"w"` for what `\\s`, `\\d` and `\\w` mean, or `"beside_words"`, beside
            which an added token is no word of its own.

    Raises:
        ValueError: there is no such class.
    """
    classes = unicode_tables()["classes"]
    names = [known for known in classes if known == name or (name in SCHEME and known[0] == name)]
    if not names:
        raise ValueError(f"the class of characters {name!r} is not known; known: {set(classes)}")
    stretches = sorted(
        (first, last)
        for known in names
        for first, last in zip(classes[known][::2], classes[known][1::2], strict=True)
    )
    return tuple(_joined(stretches))


def others(stretches: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """All code points but these."""
    found, start = [], 0
    for first, last in _joined(sorted([*stretches, SURROGATES])):
        if start < first:
            found.append((start, first - 1))
        start = last + 1
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


def as_class(stretches: tuple[tuple[int, int], ...]) -> str:
    """Stretches as they stand between the brackets of a regular expression."""
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in stretches)


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in stretches:
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found

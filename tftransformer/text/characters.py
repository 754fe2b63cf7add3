"""What BERT does to each character, as tables that stand in a graph.

The file beside this module is written by tools/bert_characters.py: it freezes what the reference
does, since Python, TensorFlow and the reference follow different versions of Unicode.
"""

import functools
import json
import lzma
import pathlib
from typing import Any, NamedTuple

import numpy as np

FILE = pathlib.Path(__file__).with_name("bert_characters.json.xz")
LETTER, ALONE, SPACE = 0, 1, 2
CODES, PAGE, MOST = 0x110000, 128, 3
# Characters of living scripts, and signs, in which TensorFlow's own normalisation and cutting
# equal the reference (a test asks each). A text of these alone need not be taken apart by tables.
PLAIN = (
    r"\t\n\r\x{20}-\x{7e}\x{a1}-\x{ac}\x{ae}-\x{12f}\x{131}-\x{17f}\x{386}\x{388}-\x{38a}\x{38c}"
    r"\x{38e}-\x{3a1}\x{3a4}-\x{3ce}\x{400}-\x{45f}\x{5d0}-\x{5ea}\x{621}-\x{64a}\x{904}-\x{939}"
    r"\x{e01}-\x{e30}\x{2010}-\x{2027}\x{2030}-\x{205e}\x{20a0}-\x{20b8}\x{2190}-\x{2bff}"
    r"\x{3001}-\x{3003}\x{3008}-\x{3011}\x{3041}-\x{3096}\x{30a1}-\x{30fa}\x{4e00}-\x{9fa5}"
    r"\x{fe0f}\x{ff01}-\x{ff5e}\x{1f000}-\x{1faff}"
)


class Tables(NamedTuple):
    """Characters by their code points, in pages of `PAGE` that many stretches share.

    Args:
        pages: int32 (code points / `PAGE`,), the page of each stretch.
        kinds: int32 (pages × `PAGE`,), `LETTER`, `ALONE` (a word by itself) or `SPACE`.
        counts: int32 (pages × `PAGE`,), how many characters it becomes; 0 = it is deleted.
        shifts: int32 (pages × `PAGE`, `MOST`), what to add to it to get each of these.
    """

    pages: np.ndarray
    kinds: np.ndarray
    counts: np.ndarray
    shifts: np.ndarray


@functools.cache
def _known() -> dict[str, Any]:
    return json.loads(lzma.decompress(FILE.read_bytes()))


def small_letters() -> dict[str, str]:
    """What characters become in lower case, those that change."""
    return _known()["lower"]


@functools.cache
def tables(lower_case: bool, strip_accents: bool, parts_ideographs: bool = True) -> Tables:
    """How BERT cuts words.

    Control characters are deleted, white space parts words, punctuation marks and ideographs are
    words by themselves; accents are stripped and letters lower-cased where asked for.

    Args:
        lower_case: lower-case letters.
        strip_accents: decompose characters and delete their marks.
        parts_ideographs: ideographs are words by themselves; else they are letters.
    """
    known = _known()
    lower = known["lower"] if lower_case else {}
    kinds, counts = np.full(CODES, LETTER, np.int32), np.ones(CODES, np.int32)
    shifts = np.zeros((CODES, MOST), np.int32)
    changes = {**lower, **known["stripped"]} if strip_accents else lower
    for character, made in changes.items():
        made = "".join(lower.get(x, x) for x in made)
        code = ord(character)
        counts[code] = len(made)
        shifts[code, : len(made)] = [ord(x) - code for x in made]
    is_alone = _among(known["alone"])
    if not parts_ideographs:
        is_alone &= ~_among(known["ideographs"])
    first = np.clip(np.arange(CODES) + shifts[:, 0], 0, CODES - 1)
    kinds[is_alone | (is_alone[first] & (counts == 1))] = ALONE
    kinds[_among(known["space"])] = SPACE
    counts[_among(known["deleted"])] = 0
    every = np.concatenate([kinds[:, None], counts[:, None], shifts], axis=1)
    # Equal pages are found by a dictionary: np.unique would sort them, which takes a second.
    numbers: dict[bytes, int] = {}
    rows = every.reshape(-1, PAGE, 2 + MOST)
    which = [numbers.setdefault(page.tobytes(), len(numbers)) for page in rows]
    every = np.frombuffer(b"".join(numbers), np.int32).reshape(-1, 2 + MOST)
    return Tables(np.array(which, np.int32), every[:, 0], every[:, 1], every[:, 2:])


def only_blanks() -> Tables:
    """Blanks part words, and nothing else does or changes."""
    kinds = np.full(2 * PAGE, LETTER, np.int32)
    kinds[ord(" ")] = SPACE
    pages = np.minimum(np.arange(CODES // PAGE, dtype=np.int32), 1)
    return Tables(pages, kinds, np.ones_like(kinds), np.zeros((2 * PAGE, MOST), np.int32))


def _among(ranges: list[int]) -> np.ndarray:
    """Which code points lie in the ranges: bool (code points,)."""
    edges = np.zeros(CODES + 1, np.int32)
    np.add.at(edges, ranges[::2], 1)
    np.add.at(edges, np.array(ranges[1::2]) + 1, -1)
    return np.cumsum(edges[:-1]).astype(bool)

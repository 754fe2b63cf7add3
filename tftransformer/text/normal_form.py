"""Unicode's normal forms in the graph, by frozen tables, and where each character came from."""

import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tftransformer.text.characters import small_letters
from tftransformer.text.moses import SIGNS
from tftransformer.text.unicode import LAST, as_class, others, unicode_tables

FORMS = ("NFC", "NFD", "NFKC", "NFKD", "lower", "moses")
# Forms where each character becomes what it becomes, whatever stands beside it.
LETTERS = {"lower": small_letters, "moses": lambda: SIGNS}
PAGE = 128  # characters of a page
LEADS, VOWELS, ENDS, SYLLABLES = 0x1100, 0x1161, 0x11A7, 0xAC00
NUM_LEADS, NUM_VOWELS, NUM_ENDS = 19, 21, 28
FIRST = 2**21  # a pair of characters is one number


class Normal(NamedTuple):
    """Texts in normal form.

    Args:
        texts: strings (batch,).
        source: int32 RaggedTensor (batch, None), for each of their characters the number of its
            character in the text as given.
    """

    texts: tf.Tensor
    source: tf.RaggedTensor


class NormalForm(tf.Module):
    """Brings texts into one of Unicode's normal forms, as the `tokenizers` package does.

    Args:
        name: `"NFC"`, `"NFD"`, `"NFKC"` or `"NFKD"`; or `"lower"`, where each character becomes
            its small letter, or `"moses"`, where marks become those of English texts.

    Raises:
        ValueError: there is no such form.
    """

    def __init__(self, name: str = "NFC"):
        super().__init__()
        if name not in FORMS:
            raise ValueError(f"normal form {name!r} is not known; known: {', '.join(FORMS)}")
        self.name_of_form = name
        self._composes, self._sorts = name.endswith("C"), name not in LETTERS
        rows, pages, pairs, joining, self._usual = _tables(name)
        self._rows, self._pages = tf.constant(rows), tf.constant(pages)
        self._pairs = tf.constant(sorted(pairs), tf.int64)
        self._composites = tf.constant([pairs[key] for key in sorted(pairs)], tf.int32)
        self._joining = tf.constant(joining, tf.int32)

    def __call__(self, texts: tf.Tensor) -> Normal:
        """Normalises strings (batch,) of valid UTF-8."""
        given = tf.strings.unicode_decode(texts, "UTF-8")
        places = tf.ragged.range(tf.cast(given.row_lengths(), tf.int32)).flat_values
        normal, source, splits = tf.cond(
            self.is_normal(texts),
            lambda: (texts, places, given.row_splits),
            lambda: self._normalised(given),
        )
        return Normal(normal, tf.RaggedTensor.from_row_splits(source, splits, validate=False))

    def is_normal(self, texts: tf.Tensor) -> tf.Tensor:
        """Whether all texts hold only characters that stay as they are; else they may, too."""
        return tf.reduce_all(tf.strings.regex_full_match(texts, self._usual))

    def _look_up(self, codes: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._rows, tf.gather(self._pages, codes // PAGE) * PAGE + codes % PAGE)

    def _normalised(self, given: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        known = self._look_up(given.flat_values)
        parts = tf.RaggedTensor.from_tensor(
            given.flat_values[:, None] + known[:, 2:], lengths=known[:, 1]
        )
        codes, source = parts.flat_values, parts.value_rowids()
        rows = tf.cast(tf.gather(given.value_rowids(), source), tf.int32)
        # How many characters of the text come with this one: the first part takes its own.
        takes = tf.cast(source != tf.concat([[-1], source[:-1]], axis=0), tf.int32)
        if self._sorts:
            codes, takes, rows = self._ordered(codes, takes, rows)
        made = tf.RaggedTensor.from_value_rowids(
            codes, tf.cast(rows, tf.int64), given.nrows(), validate=False
        )
        # Parts that nothing was taken for stand where the character before them does.
        taken = tf.cumsum(takes, exclusive=True)
        first = tf.gather(tf.cast(given.row_splits, tf.int32), rows)
        place = tf.where(takes > 0, taken - first, tf.maximum(taken - first - 1, 0))
        return tf.strings.unicode_encode(made, "UTF-8"), place, made.row_splits

    def _ordered(
        self, codes: tf.Tensor, takes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The same characters with their marks in order and, in form C, put together."""
        classes = self._look_up(codes)[:, 0]
        begins_row = rows != tf.concat([[-1], rows[:-1]], axis=0)
        group = tf.cumsum(tf.cast((classes == 0) | begins_row, tf.int32))
        order = tf.argsort(tf.cast(group, tf.int64) * 256 + tf.cast(classes, tf.int64), stable=True)
        codes, classes, takes = (tf.gather(x, order) for x in (codes, classes, takes))
        if not self._composes:
            return codes, takes, rows
        joins = tf.reduce_any(codes[:, None] == self._joining, axis=1)
        group = tf.cumsum(tf.cast(((classes == 0) & ~joins) | begins_row, tf.int32))
        state = (codes, classes, takes, group, rows, tf.zeros_like(begins_row), tf.constant(True))
        codes, _, takes, _, rows, _, _ = tf.while_loop(
            lambda *state: state[-1],
            self._compose,
            state,
            shape_invariants=(tf.TensorShape([None]),) * 6 + (tf.TensorShape([]),),
            parallel_iterations=1,
        )
        return codes, takes, rows

    def _compose(
        self,
        codes: tf.Tensor,
        classes: tf.Tensor,
        takes: tf.Tensor,
        group: tf.Tensor,
        rows: tf.Tensor,
        is_past: tf.Tensor,
        _: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        """Each group's first character takes up the first one behind it that it can."""
        index = tf.range(tf.size(codes))
        is_head = group != tf.concat([[-1], group[:-1]], axis=0)
        head = tf.gather(
            tf.cast(tf.where(is_head)[:, 0], tf.int32), tf.cumsum(tf.cast(is_head, tf.int32)) - 1
        )
        before = tf.concat([[0], classes[:-1]], axis=0)
        is_next = index == head + 1
        starters = tf.cumsum(tf.cast((classes == 0) & ~is_head, tf.int32), exclusive=True)
        is_free = (tf.gather(starters, head) == starters) & (tf.gather(classes, head) == 0)
        is_free &= is_next | ((before > 0) & (before < classes))
        composite = self._composite(tf.gather(codes, head), codes)
        fits = is_free & ~is_head & ~is_past & (composite >= 0)
        found = tf.cast(tf.where(fits)[:, 0], tf.int32)
        group_of = tf.gather(group, found)
        found = tf.boolean_mask(found, group_of != tf.concat([[-1], group_of[:-1]], axis=0))
        here = tf.gather(head, found)[:, None]
        codes = tf.tensor_scatter_nd_update(codes, here, tf.gather(composite, found))
        takes = tf.tensor_scatter_nd_add(takes, here, tf.gather(takes, found))
        last = tf.scatter_nd(tf.gather(group, found)[:, None], found, [tf.reduce_max(group) + 1])
        is_past |= index <= tf.gather(last, group)
        gone = tf.scatter_nd(found[:, None], tf.ones_like(found, tf.bool), tf.shape(codes))
        state = (codes, classes, takes, group, rows, is_past)
        return *(tf.boolean_mask(x, ~gone) for x in state), tf.size(found) > 0

    def _composite(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """What two characters make, -1 where they stay two."""
        key = tf.cast(first, tf.int64) * FIRST + tf.cast(second, tf.int64)
        place = tf.minimum(tf.searchsorted(self._pairs, key), tf.size(self._pairs) - 1)
        made = tf.where(
            tf.gather(self._pairs, place) == key, tf.gather(self._composites, place), -1
        )
        lead, vowel, end = first - LEADS, second - VOWELS, second - ENDS
        is_open = (lead >= 0) & (lead < NUM_LEADS) & (vowel >= 0) & (vowel < NUM_VOWELS)
        made = tf.where(is_open, SYLLABLES + (lead * NUM_VOWELS + vowel) * NUM_ENDS, made)
        syllable = first - SYLLABLES
        is_closed = (syllable >= 0) & (syllable < NUM_LEADS * NUM_VOWELS * NUM_ENDS)
        is_closed &= (syllable % NUM_ENDS == 0) & (end > 0) & (end < NUM_ENDS)
        return tf.where(is_closed, first + end, made)


@functools.cache
def _tables(name: str) -> tuple[np.ndarray, np.ndarray, dict[int, int], list[int], str]:
    """What is known of characters.

    Returns:
        for each character of the pages its combining class, how many characters it becomes and
        what to add to it to get each of these; the page of each stretch of characters; composites
        by pairs; characters that may join the one before them though they are no marks; an
        expression that texts match that are in normal form for certain.
    """
    known = unicode_tables()
    if name in LETTERS:
        parts = LETTERS[name]()
    else:
        syllables = range(SYLLABLES, SYLLABLES + NUM_LEADS * NUM_VOWELS * NUM_ENDS)
        parts = {chr(code): unicodedata.normalize("NFD", chr(code)) for code in syllables}
        parts |= known["decompositions"]
        parts |= known["compatibility"] if "K" in name else {}
    most = max(map(len, parts.values()))
    rows = np.zeros((LAST + 1, 2 + most), np.int32)
    rows[:, 1] = 1
    for letter, number in known["combining"].items():
        rows[ord(letter), 0] = number
    for letter, made in parts.items():
        code = ord(letter)
        rows[code, 1] = len(made)
        rows[code, 2 : 2 + len(made)] = [ord(x) - code for x in made]
    distinct: dict[bytes, int] = {}
    stretches = rows.reshape(-1, PAGE, 2 + most)
    pages = [distinct.setdefault(stretch.tobytes(), len(distinct)) for stretch in stretches]
    rows = np.frombuffer(b"".join(distinct), np.int32).reshape(-1, 2 + most)
    pairs = {ord(a) * FIRST + ord(b): ord(c) for (a, b), c in known["compositions"].items()}
    seconds = {b for _, b in known["compositions"]}
    seconds |= {chr(code) for code in range(VOWELS, VOWELS + NUM_VOWELS)}
    seconds |= {chr(code) for code in range(ENDS + 1, ENDS + NUM_ENDS)}
    joining = sorted(map(ord, seconds - known["combining"].keys()))
    if name in LETTERS:
        odd = sorted(map(ord, parts))
    elif name.endswith("D"):
        odd = sorted(map(ord, {*known["combining"], *parts}))
    else:
        changed = {c for c, made in parts.items() if unicodedata.normalize("NFC", made) != c}
        odd = sorted(map(ord, {*known["combining"], *seconds, *changed}))
    usual = as_class(others(tuple((code, code) for code in odd)))
    return rows, np.array(pages, np.int32), pairs, joining, f"[{usual}]*"

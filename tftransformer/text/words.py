"""Texts as words, each of whose characters knows where it came from."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tftransformer.text.characters import LETTER, PAGE, SPACE, Tables, tables


class Words(NamedTuple):
    """Normalised words.

    Args:
        characters: RaggedTensor int32 (words, None), their code points.
        places: int32, for each of these the number of its character in the text as given.
        row_splits: int64 (batch + 1,): text `i` has the words `row_splits[i] : row_splits[i + 1]`.
    """

    characters: tf.RaggedTensor
    places: tf.Tensor
    row_splits: tf.Tensor


class WordCutter(tf.Module):
    """Cuts texts into words, character by character.

    Args:
        known: what is done to each character: `tables`, as BERT's reference, or `only_blanks`.
    """

    def __init__(self, known: Tables):
        super().__init__()
        # Made here, not at each call outside of a graph.
        self._tables = tuple(map(tf.constant, known))

    def __call__(self, texts: tf.Tensor) -> Words:
        """Cuts strings (batch,) of UTF-8; invalid bytes count as U+FFFD, which BERT deletes."""
        characters, word_splits, places, row_splits = _cut(texts, *self._tables)
        words = tf.RaggedTensor.from_row_splits(characters, word_splits, validate=False)
        return Words(words, places, row_splits)


# Outside of a graph one call, not two hundred; in one, a branch that is not taken stays one node.
@tf.function(autograph=False, experimental_attributes={"_noinline": True})
def _cut(
    texts: tf.Tensor, pages: tf.Tensor, kinds: tf.Tensor, counts: tf.Tensor, shifts: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Characters, the splits of the words, the characters' places, the splits of the texts."""
    given = tf.strings.unicode_decode(texts, "UTF-8")
    codes = given.flat_values
    entries = tf.gather(pages, codes // PAGE) * PAGE + codes % PAGE
    made = tf.RaggedTensor.from_tensor(
        codes[:, None] + tf.gather(shifts, entries), lengths=tf.gather(counts, entries)
    )
    source = tf.cast(made.value_rowids(), tf.int32)
    kind = tf.gather(tf.gather(kinds, entries), source)
    row = tf.gather(given.value_rowids(), source)
    # A letter goes on with a word if there is a letter of the same text before it.
    goes_on = (kind == LETTER) & _shifted(kind == LETTER, False) & (row == _shifted(row, -1))
    is_kept = kind != SPACE
    begins = tf.boolean_mask(is_kept & ~goes_on, is_kept)
    characters = tf.boolean_mask(made.flat_values, is_kept)
    source, row = tf.boolean_mask(source, is_kept), tf.boolean_mask(row, is_kept)
    first = tf.where(begins)[:, 0]
    words = tf.RaggedTensor.from_row_starts(characters, first, validate=False)
    # Of each text, the words are counted.
    rows = tf.RaggedTensor.from_value_rowids(
        first, tf.gather(row, first), nrows=given.nrows(), validate=False
    )
    starts = tf.cast(given.row_splits, tf.int32)
    return characters, words.row_splits, source - tf.gather(starts, row), rows.row_splits


def _shifted(values: tf.Tensor, first: Any) -> tf.Tensor:
    """Each element's predecessor; before the first one stands `first`."""
    return tf.concat([tf.constant([first], values.dtype), values], axis=0)[:-1]


def cut_words(
    texts: Sequence[str],
    lower_case: bool = False,
    strip_accents: bool | None = None,
    batch: int = 4096,
) -> Iterator[str]:
    """Normalised texts with one space between the words, cut as `tokenize` cuts them."""
    strip_accents = lower_case if strip_accents is None else strip_accents
    cutter = WordCutter(tables(lower_case, strip_accents))
    for start in range(0, len(texts), batch):  # what is known of each character takes room
        words, _, row_splits = cutter(tf.constant(texts[start : start + batch], tf.string))
        strings = tf.strings.unicode_encode(words, "UTF-8")
        rows = tf.RaggedTensor.from_row_splits(strings, row_splits, validate=False)
        joined = tf.strings.reduce_join(rows, axis=-1, separator=" ")
        yield from (text.decode() for text in joined.numpy())

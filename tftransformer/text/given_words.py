"""Texts that are made of words which somebody else has cut."""

from collections.abc import Iterable

import tensorflow as tf

BLANK = " "


class GivenWords(str):
    """A text whose words are known: whatever stands between two blanks is one.

    >>> text = GivenWords.join(["New York", "-", "based"])
    >>> text, text.words()
    ('New\\xa0York - based', ['New\\xa0York', '-', 'based'])
    """

    @classmethod
    def join(cls, words: Iterable[str]) -> "GivenWords":
        """The text of some words; a blank within a word becomes one that does not part."""
        return cls(BLANK.join(word.replace(BLANK, "\xa0") for word in words))

    def words(self) -> list[str]:
        """The words; an empty one is one, too."""
        return self.split(BLANK)

    def places(self) -> list[tuple[int, int]]:
        """The first character of each word, and one more than the last."""
        found, at = [], 0
        for word in self.words():
            found.append((at, at + len(word)))
            at += len(word) + 1
        return found


def words_between_blanks(
    texts: tf.Tensor, starts: tf.RaggedTensor, words: tf.RaggedTensor
) -> tf.RaggedTensor:
    """Numbers words that blanks part, in a graph or eagerly.

    Args:
        texts: strings (batch,).
        starts: int32 (batch, None), the first character of each piece.
        words: int32 (batch, None), as the tokenizer numbers them; −1 stays.

    Returns:
        int32 RaggedTensor (batch, None), the number of blanks before each piece.
    """
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    is_blank = tf.cast(codes.flat_values == ord(BLANK), tf.int32)
    before = tf.concat([[0], tf.cumsum(is_blank)], axis=0)
    row_start = tf.gather(codes.row_starts(), starts.value_rowids())
    at = row_start + tf.cast(starts.flat_values, tf.int64)
    number = tf.gather(before, at) - tf.gather(before, row_start)
    return words.with_flat_values(tf.where(words.flat_values < 0, -1, number))

"""How words are spelled, as numbers: what says something of a word that was never seen."""

import tensorflow as tf

from tftransformer.text.windows import word_pieces

BEGINNINGS, ENDS = (1, 2, 3), (1, 2, 3, 4)  # how many characters of a word
NUM_SPELLINGS = 1 + len(BEGINNINGS) + len(ENDS)


def spelling_ids(
    texts: tf.Tensor,
    starts: tf.RaggedTensor,
    ends: tf.RaggedTensor,
    words: tf.RaggedTensor,
    size: int,
) -> tf.RaggedTensor:
    """Says of each piece how its word is spelled, in a graph or eagerly.

    That is its shape (capitals, small letters and digits, a run of one kind as one sign), and
    without case its first one to three and last one to four characters. Each is a number that
    hashing finds, as in Miranda et al. 2022, "Multi hash embeddings in spaCy".

    Args:
        texts: strings (batch,).
        starts, ends, words: int32 (batch, None), of each piece: see `Encoding`.
        size: numbers that there are. 0 is none of those found: it stands for tokens that are no
            pieces.

    Returns:
        int32 RaggedTensor (batch, None, NUM_SPELLINGS).

    Example:

    >>> places = [tf.RaggedTensor.from_row_splits(x, [0, 2]) for x in ([0, 4], [3, 7], [0, 1])]
    >>> ids = spelling_ids(tf.constant(["Ann Aml"]), *places, size=1000)[0].numpy()
    >>> (ids[0] == ids[1]).nonzero()[0]  # shape and first letter
    array([0, 1])
    """
    word, first, last = word_pieces(words)
    row = tf.gather(starts.value_rowids(), first)
    begin = tf.gather(starts.flat_values, first)
    length = tf.gather(ends.flat_values, last - 1) - begin
    written = tf.strings.substr(tf.gather(texts, row), begin, length, unit="UTF8_CHAR")
    lower = tf.strings.lower(written, encoding="utf-8")
    size_of = tf.strings.length(lower, unit="UTF8_CHAR")
    found = {"shape": _shapes(written)}
    for count in BEGINNINGS:
        found[f"begins{count}"] = _part(lower, tf.zeros_like(size_of), count)
    for count in ENDS:
        found[f"ends{count}"] = _part(lower, tf.maximum(size_of - count, 0), count)
    named = [tf.strings.join([f"{name}=", value]) for name, value in found.items()]
    ids = tf.strings.to_hash_bucket_fast(tf.stack(named, axis=1), size - 1)
    return words.with_flat_values(tf.gather(tf.cast(ids, tf.int32) + 1, word))


def _part(words: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
    return tf.strings.substr(words, begin, tf.fill(tf.shape(begin), count), unit="UTF8_CHAR")


def _shapes(words: tf.Tensor) -> tf.Tensor:
    """Digits as 0, capitals as X, other letters as x, what repeats once; all else as it is."""
    kinds = {r"\p{N}+": "0", r"\p{Lu}+": "X", r"[\p{Ll}\p{Lt}\p{Lm}\p{Lo}]+": "x"}
    for kind, sign in kinds.items():
        words = tf.strings.regex_replace(words, kind, sign)
    return words

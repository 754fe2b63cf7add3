"""From what is said of words to trees in brackets, in TensorFlow's operations alone."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tftransformer.tasks.best_paths import IMPOSSIBLE, best_paths, by_step


def one_blank_between_words(texts: tf.Tensor) -> tf.Tensor:
    """Texts (batch,) with one blank between two words, and none at their ends."""
    return tf.strings.strip(tf.strings.regex_replace(texts, r"[\pZ\t-\r\x1c-\x1f\x{85}]+", " "))


def best_depths(
    levels: tf.Tensor,
    depths: tf.Tensor,
    lengths: tf.Tensor,
    changes: Sequence[int],
    numbers: Sequence[int],
) -> tuple[tf.Tensor, tf.Tensor]:
    """How many constituents neighbouring words share: what fits together best (Viterbi 1967).

    Both scales of Gómez-Rodríguez and Vilares (2018) have their say: that number, and how much more
    it is than the number of the word before.

    Args:
        levels: float32 (words, changes), log-probabilities of each of `changes`.
        depths: float32 (words, numbers), log-probabilities of each of `numbers`, which are above 0.
        lengths: int64 (texts,), words of each text. There is no number behind its last one.
        changes, numbers: what is known of.

    Returns:
        int32 (words,), the numbers, 0 behind last words; and float32 (texts,), the sum of all
        log-probabilities that were chosen.
    """
    states = range(max(numbers) + 1)  # 0 is where a text begins
    steps = tf.constant([_columns([to - of for to in states], changes) for of in states])
    levels, depths = (
        tf.pad(x, [[0, 0], [0, 1]], constant_values=IMPOSSIBLE) for x in (levels, depths)
    )
    depths = tf.gather(depths, _columns(states, numbers), axis=1)
    levels, depths = (by_step(x, lengths) for x in (levels, depths))
    rows, is_gap = tf.shape(levels)[1], tf.sequence_mask(lengths - 1, tf.shape(levels)[0])
    found, score = best_paths(
        lambda gap: tf.gather(levels[gap], steps, axis=1) + depths[gap][:, None],
        tf.transpose(is_gap),
        tf.one_hot(tf.zeros([rows], tf.int32), len(states), 0.0, IMPOSSIBLE),
    )
    numbers_found = tf.where(is_gap, found, 0)
    return tf.RaggedTensor.from_tensor(numbers_found, lengths=lengths).flat_values, score


def _columns(wanted: Iterable[int], there: Sequence[int]) -> list[int]:
    """Where each number stands; behind the last where it is not there."""
    return [there.index(number) if number in there else len(there) for number in wanted]


class Constituents(NamedTuple):
    """The constituents of several words that numbers of gaps say.

    Args:
        of_gap: int64 (words,), the constituent of the gap behind each word; of last words one that
            counts for nothing.
        first, last: int64 (constituents,), the words that each is of, from and to.
        depth: int32 (constituents,), by which outer ones come first; 0 of what counts for nothing.
    """

    of_gap: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor
    depth: tf.Tensor


def constituents(depths: tf.Tensor) -> Constituents:
    """The tree that numbers of gaps say, whatever they are.

    A constituent is a stretch of words between two gaps of smaller numbers; those inside that have
    the smallest number part it into its children. So any numbers at all make one tree over all
    words of a text, and every number counts for its order alone.

    Args:
        depths: int32 (words,), 1 or more for each gap, 0 behind the last word of a text.
    """
    count = tf.size(depths)
    before = _nearest_smaller(depths)  # the word whose gap bounds the constituent on the left
    behind = count - 1 - tf.reverse(_nearest_smaller(tf.reverse(depths, [0])), [0])
    # The same bound and the same number: nothing smaller lies between the two.
    rank = tf.searchsorted(tf.sort(depths), depths)
    key = tf.cast(before + 1, tf.int64) * tf.cast(count, tf.int64) + tf.cast(rank, tf.int64)
    different, of_gap = tf.unique(key, tf.int64)
    number = tf.size(different, tf.int64)

    def of_constituent(values: tf.Tensor) -> tf.Tensor:
        return tf.math.unsorted_segment_max(values, of_gap, number)

    first, last = (of_constituent(tf.cast(x, tf.int64)) for x in (before + 1, behind))
    return Constituents(of_gap, first, last, of_constituent(depths))


def _nearest_smaller(values: tf.Tensor) -> tf.Tensor:
    """For each value > 0 the place of the nearest smaller one before it, −1 where there is none."""
    values = tf.concat([[0], values], axis=0)
    place = tf.range(tf.size(values))

    def too_large(before: tf.Tensor) -> tf.Tensor:
        return (values > 0) & (tf.gather(values, before) >= values)

    # What lies between a value and its `before` is as large as the value or larger, and so is what
    # lies between `before` and the place before that.
    (before,) = tf.while_loop(
        lambda before: tf.reduce_any(too_large(before)),
        lambda before: (tf.where(too_large(before), tf.gather(before, before), before),),
        (tf.maximum(place - 1, 0),),
    )
    return before[1:] - 1


class Brackets(NamedTuple):
    """What stands around constituents.

    Args:
        opening: strings, such as "(S (VP ".
        closing: strings, such as "))".
    """

    opening: tf.Tensor
    closing: tf.Tensor

    @classmethod
    def of(cls, labels: Sequence[str], chosen: tf.Tensor) -> "Brackets":
        """Those of the chosen labels; one that stands for several has blanks between, "S VP"."""
        chains = [label.split() for label in labels]
        opening = tf.constant(["".join(f"({x} " for x in chain) for chain in chains])
        closing = tf.constant([")" * len(chain) for chain in chains])
        return cls(tf.gather(opening, chosen), tf.gather(closing, chosen))


def trees_of(
    words: tf.RaggedTensor,
    found: Constituents,
    labels: Brackets,
    chains: Brackets,
    tags: tf.Tensor,
) -> tf.Tensor:
    """Writes trees: string (texts,), "" for a text without words.

    Args:
        words: strings (texts, None).
        found: the constituents of several words.
        labels: brackets (constituents,) of each.
        chains: brackets (words,) around each word.
        tags: string (words,).
    """
    order = tf.argsort(found.depth, stable=True)
    order = tf.boolean_mask(order, tf.gather(found.depth, order) > 0)

    def at(places: tf.Tensor, brackets: tf.Tensor) -> tf.Tensor:
        places, brackets = tf.gather(places, order), tf.gather(brackets, order)
        count = tf.size(words.flat_values, tf.int64)
        return tf.strings.unsorted_segment_join(brackets, places, count)

    opening, closing = at(found.first, labels.opening), at(found.last, labels.closing)
    return with_brackets(
        words,
        tf.strings.join([opening, chains.opening]),
        tags,
        tf.strings.join([chains.closing, closing]),
    )


def with_brackets(
    words: tf.RaggedTensor, opening: tf.Tensor, tags: tf.Tensor, closing: tf.Tensor
) -> tf.Tensor:
    """Texts whose words have tags and brackets around them: string (texts,).

    Brackets in words are spelled as treebanks spell them.

    Args:
        words: strings (texts, None).
        opening, tags, closing: string (words,).
    """
    plain = words.flat_values
    for sign, name in (("(", "-LRB-"), (")", "-RRB-")):
        plain = tf.strings.regex_replace(plain, f"[{sign}]", name)
    parts = tf.strings.join([opening, "(", tags, " ", plain, ")", closing])
    return tf.strings.unsorted_segment_join(
        parts, words.value_rowids(), words.nrows(), separator=" "
    )

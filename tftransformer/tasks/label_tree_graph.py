"""LabelTreeGraph: from labels of words to trees."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.tasks.tree_strings import (
    Brackets,
    best_depths,
    constituents,
    one_blank_between_words,
    trees_of,
)
from tftransformer.tasks.window_graph import WindowGraph
from tftransformer.text import word_pieces


class LabelTreeGraph(WindowGraph):
    """From sentences, whose words white space parts, to trees (Gómez-Rodríguez and Vilares 2018).

    Words are labelled as `WordLabel` says. The numbers of constituents that neighbours share are
    those that fit together best. A constituent gets the label that its gaps, all together, think
    the most probable. Whatever the labels are, they say one tree over all words of a sentence: see
    `constituents`. A word that the tokenizer has no piece for gets what is most frequent.

    `serving_default` gives `trees`, string (batch,), in brackets; `scores`, float32 (batch,), the
    geometric mean of the probabilities of what was chosen; and `cut`, bool (batch,), which texts
    lost their ends before they were read, as they do without windows alone.

    Args:
        classes: the labels of each kind, in the order of `WordLabel`.
        **windows: see `WindowGraph`.
    """

    def __init__(self, *, classes: Sequence[Sequence[Any]], **windows: Any):
        super().__init__(given_words=True, **windows)
        self.classes = classes

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        (text,) = texts
        return super().encode(one_blank_between_words(text))

    def by_text(self, found: tf.Tensor, known: Any) -> dict[str, tf.Tensor]:
        return self._trees(self.of_pieces(found, known), known["texts"], known["words"])

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        trees = self.by_text(found, known)
        outputs = {"trees": trees["tree"], "scores": trees["score"], "cut": known["cut"]}
        return {"serving_default": outputs}

    @tf.function(reduce_retracing=True)
    def _trees(
        self, logits: tf.Tensor, texts: tf.Tensor, numbers: tf.RaggedTensor
    ) -> dict[str, tf.Tensor]:
        """Trees and scores, given what the model says of each piece, and the number of its word."""
        words = tf.strings.split(texts)
        return trees_of_logits(_of_words(logits, numbers, words), words, self.classes)


def trees_of_logits(
    logits: tf.Tensor, words: tf.RaggedTensor, classes: Sequence[Sequence[Any]]
) -> dict[str, tf.Tensor]:
    """Trees, whatever the logits are.

    Args:
        logits: float32 (words, classes of all kinds).
        words: strings (texts, None).
        classes: see `LabelTreeGraph`.

    Returns:
        dict of `tree`, string (texts,), and `score`, float32 (texts,); see `LabelTreeGraph`.
    """
    by_kind = tf.split(logits, [len(kind) for kind in classes], axis=1)
    changes, depths, labels, chains, tags = map(tf.nn.log_softmax, by_kind)
    shared, score = best_depths(changes, depths, words.row_lengths(), *classes[:2])
    found = constituents(shared)
    together = tf.math.unsorted_segment_sum(labels, found.of_gap, tf.size(found.first))
    label, chain, tag = (tf.argmax(x, axis=1) for x in (together, chains, tags))
    _, _, label_names, chain_names, tag_names = classes
    trees = trees_of(
        words,
        found,
        Brackets.of(label_names, label),
        Brackets.of(chain_names, chain),
        tf.gather(tf.constant(tag_names), tag),
    )
    of_gap = tf.gather(labels, tf.gather(label, found.of_gap), batch_dims=1)
    of_word = tf.where(shared > 0, of_gap, 0.0)
    of_word += tf.reduce_max(chains, axis=1) + tf.reduce_max(tags, axis=1)
    score += tf.math.unsorted_segment_sum(of_word, words.value_rowids(), words.nrows())
    # Three labels of each gap, two of each word.
    count = tf.cast(words.row_lengths() * 5 - 3, tf.float32)
    return {"tree": trees, "score": tf.where(count > 0, tf.exp(score / count), 0.0)}


def _of_words(logits: tf.Tensor, numbers: tf.RaggedTensor, words: tf.RaggedTensor) -> tf.Tensor:
    """What the model says of the first piece of each word; zeros where a word has none."""
    first = word_pieces(numbers).first
    number = tf.gather(numbers.flat_values, first)
    first, number = (tf.boolean_mask(x, number >= 0) for x in (first, number))
    row = tf.gather(numbers.value_rowids(), first)
    place = tf.gather(words.row_starts(), row) + tf.cast(number, tf.int64)
    shape = [tf.size(words.flat_values, tf.int64), logits.shape[1]]
    return tf.scatter_nd(place[:, None], tf.gather(logits, first), shape)

"""The labels that words have together: those of the best of all paths."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.objectives.entities import neighbours
from tftransformer.tasks.entity_graph import best_labels


def best_by_trying(scores, pairs):
    """The best of all paths through scores (words, labels)."""

    def score(path):
        of_pairs = sum(pairs[i, j] for i, j in itertools.pairwise(path))
        return pairs[-1, path[0]] + of_pairs + scores[range(len(path)), path].sum()

    return list(max(itertools.product(range(scores.shape[1]), repeat=len(scores)), key=score))


@pytest.mark.parametrize("lengths", [[3, 1, 0, 4], [0], [], [5]], ids=str)
def test_the_labels_of_each_row_are_those_of_its_best_path(lengths):
    random = np.random.default_rng(len(lengths))
    rows = [random.normal(size=(length, 3)).astype("float32") for length in lengths]
    pairs = random.normal(size=(4, 3)).astype("float32")
    values = np.concatenate([np.zeros((0, 3), "float32"), *rows])
    scores = tf.RaggedTensor.from_row_lengths(values, np.array(lengths, "int64"))
    found = tf.function(lambda scores: best_labels(scores, tf.constant(pairs)))(scores)
    expected = [label for row in rows if len(row) for label in best_by_trying(row, pairs)]
    assert found.numpy().tolist() == expected


def test_neighbours_are_counted_within_texts_and_tell_where_what_is_frequent_stands():
    tags = np.array([0, -1, 1, 1, 0, 0, 1])
    found = np.exp(neighbours(tags, np.array([0, 5, 7]), 3))
    anywhere = np.array([3, 3, 1]) / 6
    np.testing.assert_allclose(found[0], (np.array([0, 2, 0]) + anywhere) / 3 / anywhere)
    np.testing.assert_allclose(found[1], (np.array([1, 1, 0]) + anywhere) / 3 / anywhere)
    np.testing.assert_allclose(found[3], (np.array([2, 0, 0]) + anywhere) / 3 / anywhere)
    np.testing.assert_allclose(found[2], 1)

"""SentenceHead: means of the tokens of sentences, and their numbers."""

import numpy as np
import pytest

from tftransformer.heads import SentenceHead

NUMBERS = np.array([[0, 3, 3, 4, 0], [1, 2, 2, 2, 0]], "int32")


def test_all_tokens_of_a_sentence_have_its_score_and_no_other_token_moves_it(vectors):
    hidden, head = vectors(2, 5, 6), SentenceHead(2, num_places=4)
    found = np.asarray(head(hidden, {"sentence_numbers": NUMBERS}))
    kernel, bias = map(np.array, (head.projection.kernel, head.projection.bias))
    np.testing.assert_allclose(found[0, 1], hidden[0, 1:3].mean(0) @ kernel + bias, atol=1e-5)
    np.testing.assert_array_equal(found[0, 1], found[0, 2])
    np.testing.assert_allclose(found[1, 3], hidden[1, 1:4].mean(0) @ kernel + bias, atol=1e-5)
    changed = hidden + 9.0 * (NUMBERS != 2)[:, :, None]
    again = np.asarray(head(changed, {"sentence_numbers": NUMBERS}))
    np.testing.assert_allclose(again[1, 1:4], found[1, 1:4], atol=1e-5)


def test_the_number_counts_and_late_ones_count_as_the_last(vectors):
    hidden, head = np.zeros((1, 4, 6), "float32"), SentenceHead(2, num_places=3)
    head.build((1, 4, 6))
    places = vectors(3, 2)
    head.places.embeddings.assign(places)
    found = np.asarray(head(hidden, {"sentence_numbers": np.array([[1, 2, 3, 9]], "int32")}))
    np.testing.assert_allclose(found[0], places[[0, 1, 2, 2]], atol=1e-6)


def test_without_numbers_the_error_says_what_is_missing(vectors):
    with pytest.raises(ValueError, match="sentence_numbers"):
        SentenceHead(2)(vectors(1, 3, 4), {})

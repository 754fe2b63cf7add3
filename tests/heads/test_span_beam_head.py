"""The likeliest starts, and the likeliest ends of each, by a loop over all pairs."""

import numpy as np
import pytest

from tftransformer.heads import SpanBeamHead

D, LENGTH = 6, 7


def softmax(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


@pytest.fixture
def head():
    head = SpanBeamHead(D, starts=3, ends=2)
    head.build((None, None, D))
    return head


def score_ends(head, states, start):
    """The end logits of one row, given the state at the start."""
    pairs = np.concatenate([states, np.broadcast_to(start, states.shape)], axis=-1)
    return np.array(head.end_outer(head.end_norm(head.end_inner(pairs))))[:, 0]


def test_too_few_tokens_are_told(head, vectors):
    with pytest.raises(ValueError, match="2 tokens have no 3 starts and 2 ends"):
        head(vectors(1, 2, D), {})


def test_starts_and_their_ends(head, vectors):
    hidden = vectors(2, LENGTH, D)
    allowed = np.ones((2, LENGTH), bool)
    allowed[0, :3] = False
    found = {k: np.array(v) for k, v in head(hidden, {"span_mask": allowed}).items()}
    assert "end_logits" not in found
    for row in range(2):
        logits = np.array(head.start(hidden[row]))[:, 0]
        starts = softmax(np.where(allowed[row], logits, -np.inf))
        order = np.argsort(-starts)[:3]
        np.testing.assert_array_equal(found["start_positions"][row], order)
        np.testing.assert_allclose(found["start_probabilities"][row], starts[order], atol=1e-6)
        for n, start in enumerate(order):
            ends = score_ends(head, hidden[row], hidden[row, start])
            ends = softmax(np.where(allowed[row], ends, -np.inf))
            best = np.argsort(-ends)[:2]
            np.testing.assert_array_equal(found["end_positions"][row, n], best)
            np.testing.assert_allclose(found["end_probabilities"][row, n], ends[best], atol=1e-6)


def test_true_starts_give_the_ends_to_train_by(head, vectors):
    hidden, starts = vectors(2, LENGTH, D), np.array([4, 1], "int32")
    found = head(hidden, {"start_positions": starts, "class_positions": np.array([0, 2], "int32")})
    for row, (start, summary) in enumerate(((4, 0), (1, 2))):
        expected = score_ends(head, hidden[row], hidden[row, start])
        np.testing.assert_allclose(found["end_logits"][row], expected, atol=1e-5)
        pair = np.concatenate([hidden[row, start], hidden[row, summary]])[None]
        answerable = np.array(head.answerable_outer(head.answerable_inner(pair)))[0, 0]
        np.testing.assert_allclose(found["answerable"][row], answerable, atol=1e-5)

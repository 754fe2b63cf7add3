"""The processors against a few lines of Python, and what they promise of whole texts."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    Epsilon,
    Eta,
    ForcedEnd,
    ForcedStart,
    Greedy,
    MinLength,
    MinNewTokens,
    MinP,
    NoRepeatNgrams,
    RepetitionPenalty,
    Sampling,
    TopK,
    TopP,
    Typical,
)

VOCABULARY = 6


def repetition(penalty):
    def apply(scores, row):
        for token in set(row):
            scores[token] *= penalty if scores[token] < 0 else 1 / penalty

    return apply


def no_repeat(size):
    def apply(scores, row):
        for start in range(len(row) - size + 1):
            ngram = row[start : start + size]
            if ngram[:-1] == row[len(row) - size + 1 :]:
                scores[ngram[-1]] = -np.inf

    return apply


def bad_words(words):
    def apply(scores, row):
        for *start, last in words:
            if row[len(row) - len(start) :] == start and len(row) >= len(start):
                scores[last] = -np.inf

    return apply


def least(length):
    def apply(scores, row):
        if len(row) < length:
            scores[1] = -np.inf

    return apply


def forced(length):
    def apply(scores, row):
        if len(row) == length - 1:
            scores[:] = -np.inf
            scores[1] = 0

    return apply


WORDS = [[2], [3, 4], [3, 5], [1, 2, 3], [0, 0, 0, 0, 5]]
CASES = [
    (RepetitionPenalty(1.7), repetition(1.7)),
    (RepetitionPenalty(0.5), repetition(0.5)),
    *[(NoRepeatNgrams(size), no_repeat(size)) for size in (1, 2, 3, 4)],
    (BadWords(WORDS), bad_words(WORDS)),
    (MinLength(4, 1), least(4)),
    (MinNewTokens(3, 1, prompt_length=2), least(5)),
    (ForcedEnd(4, 1), forced(4)),
    (ForcedStart(1, prompt_length=4), forced(5)),
]


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("processor", "reference"), CASES, ids=[repr(processor)[:40] for processor, _ in CASES]
)
@settings(max_examples=20, deadline=None)
@given(length=st.integers(1, 9), room=st.integers(0, 3), seed=st.integers(0, 1000))
def test_equals_its_definition(processor, reference, length, room, seed):
    """Rows of any length in a buffer with room, whose tail must not count."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, 4, (3, length + room)).astype("int32")
    scores = random.normal(size=(3, VOCABULARY)).astype("float32")
    expected = scores.copy()
    for row in range(3):
        reference(expected[row], ids[row, :length].tolist())
    result = np.array(processor(scores, ids, length))
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(p=st.floats(0.05, 1), min_tokens=st.integers(1, 4), seed=st.integers(0, 1000))
def test_top_p_and_typical_keep_the_smallest_sets(p, min_tokens, seed):
    scores = np.random.default_rng(seed).normal(size=(2, 9)).astype("float32") * 2
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    entropy = -(probabilities * np.log(probabilities)).sum(1, keepdims=True)
    deviation = np.abs(-np.log(probabilities) - entropy)
    for processor, rank in (
        (TopP(p, min_tokens), -scores),
        (Typical(p, min_tokens), deviation),
    ):
        result = np.array(processor(scores, None, None))
        for row in range(2):
            order = np.argsort(rank[row])
            kept = np.isfinite(result[row][order])
            count = kept.sum()
            held = probabilities[row][order].cumsum()
            assert kept[:count].all(), "the kept ones are the first of the ranking"
            assert count >= min_tokens
            assert held[count - 1] >= p - 1e-5
            assert count == min_tokens or held[count - 2] < p + 1e-5
            np.testing.assert_array_equal(result[row][order][:count], scores[row][order][:count])


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.001, 1), seed=st.integers(0, 1000), sharp=st.sampled_from([0.1, 1, 6]))
def test_min_p_epsilon_and_eta_ban_what_is_below_their_thresholds(share, seed, sharp):
    scores = np.random.default_rng(seed).normal(size=(3, 9)).astype("float32") * sharp
    scores[:, seed % 9] = -np.inf  # banned before
    scores[1] = np.where(np.arange(9) == (seed + 1) % 9, 1.5, -np.inf)
    shares = np.exp(scores.astype("float64"))
    shares /= shares.sum(1, keepdims=True)
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(1, keepdims=True)
    best = shares.max(1, keepdims=True)
    for processor, least in (
        (MinP(share), share * best),
        (Epsilon(share), np.full((3, 1), share)),
        (Eta(share), np.minimum(share, np.sqrt(share) * np.exp(-entropy))),
    ):
        result = np.array(processor(scores, None, None))
        clear = np.abs(shares - least) > 1e-6 * least  # else rounding decides
        keeps = (shares >= least) | (shares == best)
        expected = np.where(keeps, scores, -np.inf)
        np.testing.assert_array_equal(result[clear], expected[clear])
        assert np.isfinite(result).any(axis=1).all()


def test_top_k_keeps_the_best():
    scores = np.array([[3.0, 1.0, 2.0, 2.0], [0.0, 4.0, 1.0, 3.0]], "float32")
    result = np.isfinite(np.array(TopK(2)(scores, None, None)))
    np.testing.assert_array_equal(result, [[True, False, True, True], [False, True, False, True]])
    np.testing.assert_array_equal(np.array(TopK(9)(scores, None, None)), scores)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("compiled", [False, True])
def test_ids_beyond_the_vocabulary_touch_no_other_row(compiled):
    ids, scores = np.array([[7, 1], [1, 2]], "int32"), np.ones((2, 4), "float32")

    def process(scores):
        return RepetitionPenalty(2)(BadWords([[5], [0]])(scores, ids, 2), ids, 2)

    result = tf.function(process, jit_compile=compiled)(scores)
    expected = [[-np.inf, 0.5, 1, 1], [-np.inf, 0.5, 0.5, 1]]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "strategy", [Greedy(), BeamSearch(3, num_return=3), Sampling(top_k=5)], ids=repr
)
def test_whole_texts_keep_the_promises(table_model, strategy):
    """No repeated pair, no bad word, no text too short or too long, and nothing after the end."""
    model = table_model(8, seed=6)
    prompts = np.array([[2, 3], [4, 5], [6, 7], [3, 3]])
    processors = [
        NoRepeatNgrams(2),
        BadWords([[0], [6], [2, 5]]),
        MinNewTokens(3, 1, prompt_length=2),
        ForcedEnd(9, 1),
    ]
    ids, scores, lengths = model.decode(strategy, prompts, 12, processors)
    for row, slot in np.ndindex(lengths.shape):
        text = ids[row, slot, : lengths[row, slot]].tolist()
        assert np.isfinite(scores[row, slot])
        assert 4 <= len(text) <= 7
        assert text.index(1) == len(text) - 1
        assert not {0, 6} & set(text)
        pairs = list(itertools.pairwise(prompts[row].tolist() + text))
        assert len(set(pairs)) == len(pairs)
        assert (2, 5) not in pairs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RepetitionPenalty(0), "penalty=0 was given; expected a number > 0"),
        (lambda: NoRepeatNgrams(0), "size=0"),
        (lambda: NoRepeatNgrams(2.0), r"size=2\.0"),
        (lambda: BadWords([]), r"words=\[\]"),
        (lambda: BadWords([[3], []]), "non-empty sequences of ids"),
        (lambda: BadWords([3, 4]), "non-empty sequences of ids"),
        (lambda: BadWords("word"), "words='word'"),
        (lambda: MinLength(-1, 3), "min_length=-1"),
        (lambda: MinNewTokens(1, 3, 0), "prompt_length=0"),
        (lambda: ForcedEnd(1, 3), "max_length=1"),
        (lambda: TopK(0), "top_k=0"),
        (lambda: TopP(1.2), r"top_p=1\.2"),
        (lambda: Typical(0), "top_p=0"),
        (lambda: MinP(0), "min_p=0"),
        (lambda: Epsilon(-1), "epsilon=-1"),
        (lambda: Eta(1.5), r"epsilon=1\.5"),
    ],
)
def test_refuses_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()

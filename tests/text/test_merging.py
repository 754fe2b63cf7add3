"""Merges, one by one and many at once, short words and long ones."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import long_words
from tftransformer.text.long_words import LongWords
from tftransformer.text.merging import Merger

ALPHABET = 3


def one_by_one(word, pairs, made):
    """The algorithm as it is defined: the best pair, the leftmost of several, again and again."""
    ranks = {pair: rank for rank, pair in enumerate(pairs)}
    word = list(word)
    while True:
        places = [
            (ranks[pair], place)
            for place, pair in enumerate(itertools.pairwise(word))
            if pair in ranks
        ]
        if not places:
            return word
        rank, place = min(places)
        word[place : place + 2] = [made[rank]]


def drawn(seed, size):
    """Merges as no training would make them: pieces come about in several ways."""
    draw = np.random.default_rng(seed)
    strings = ["a", "b", "c"]
    pairs = []
    for _ in range(size):
        left, right = draw.integers(0, len(strings), 2)
        made = strings[left] + strings[right]
        if len(made) <= 9:
            strings += [made] if made not in strings else []
            pairs.append((int(left), int(right)))
    pairs = list(dict.fromkeys(pairs))
    draw.shuffle(pairs)
    return pairs, [strings.index(strings[a] + strings[b]) for a, b in pairs]


def merged(merge, words):
    ids = tf.constant([i for word in words for i in word], tf.int32)
    rows = tf.constant([row for row, word in enumerate(words) for _ in word], tf.int32)
    found = merge(ids, rows)
    made = tf.RaggedTensor.from_value_rowids(found.ids, found.rows, len(words)).to_list()
    # Each piece says where its first symbol stood.
    starts = tf.RaggedTensor.from_value_rowids(found.starts, found.rows, len(words)).to_list()
    return made, starts


words_of = st.lists(
    st.lists(st.integers(0, ALPHABET - 1), min_size=1, max_size=60), min_size=1, max_size=8
)


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), size=st.integers(1, 40), words=words_of)
@settings(max_examples=15, deadline=None)
def test_rounds_equal_merges_one_by_one(seed, size, words):
    pairs, made = drawn(seed, size)
    expected = [one_by_one(word, pairs, made) for word in words]
    assert merged(Merger(pairs, made), words)[0] == expected


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), size=st.integers(1, 40), words=words_of)
@settings(max_examples=100, deadline=None)
def test_stretches_that_are_joined_equal_whole_words(seed, size, words):
    pairs, made = drawn(seed, size)
    merger = Merger(pairs, made)
    patch = pytest.MonkeyPatch()
    patch.setattr(long_words, "STRETCH", 5)
    with patch.context():
        assert merged(LongWords(merger), words) == merged(merger, words)


def test_a_few_stretches_are_joined(monkeypatch):
    monkeypatch.setattr(long_words, "STRETCH", 4)
    pairs, made = drawn(3, 30)
    words = [[0, 1, 2, 0, 0, 1] * 5, [1], [2, 2, 2, 2, 2]]
    expected = [one_by_one(word, pairs, made) for word in words]
    assert merged(LongWords(Merger(pairs, made)), words)[0] == expected

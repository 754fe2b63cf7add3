"""Tokenizers that tasks learn where none is given."""

import pytest

from tftransformer.tasks.learners import learn_bpe, sampled
from tftransformer.text import SentencePieceTokenizer, WordPieceTokenizer

TEXTS = ["the dog sleeps in the house", "a cat eats fish"] * 9


def test_few_words_make_a_small_vocabulary_and_are_given_back():
    text = "the dog sleeps in the house\na cat eats fish\n" * 60
    small = learn_bpe([text], 4000)  # which has room for bytes, and there is none
    assert small.vocab_size < 256
    assert small.decode(small.encode([text]).ids) == [text]


def test_tokenizers_sample_only_if_they_are_told_to():
    given = SentencePieceTokenizer.learn(TEXTS, 290)
    assert given.sampling_alpha == 0
    assert sampled((given, given), 0.0) == (given, given)
    first, second = sampled((given, given), 0.9)
    assert first is second
    assert first.encode(TEXTS).ids.tolist() == given.encode(TEXTS).ids.tolist()
    assert first.sample(TEXTS, 1).tolist() != given.sample(TEXTS, 1).tolist()
    words = WordPieceTokenizer.learn(TEXTS, 60, exactly=False)
    with pytest.raises(ValueError, match="a WordPieceTokenizer cuts a text in one way alone"):
        sampled((words,), 0.9)

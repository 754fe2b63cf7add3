"""What is said of how words are spelled."""

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.text import NUM_SPELLINGS, WordPieceTokenizer, spelling_ids

SIZE = 1_000_000


def spelled(texts, tokenizer=None, size=SIZE):
    """Of each text the spellings of its words."""
    tokenizer = tokenizer or WordPieceTokenizer.learn(texts, 200, exactly=False)
    places = tokenizer.tokenize_with_places(tf.constant(texts))
    ids = spelling_ids(
        tf.constant(texts), *(places[name] for name in ("starts", "ends", "words")), size
    )
    return [
        [row[words.index(word)] for word in sorted({*words})] if words else []
        for row, words in zip([row.numpy() for row in ids], places["words"].to_list(), strict=True)
    ]


def test_they_are_the_shape_the_first_characters_and_the_last():
    (words,) = spelled(["Köln kölnisch 12 KÖ Zwickau"])
    alike = [[int(x == y) for x, y in zip(words[0], other, strict=True)] for other in words[1:]]
    # shape, the first 1, 2, 3, the last 1, 2, 3, 4
    assert alike == [
        [0, 1, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert {len(word) for word in words} == {NUM_SPELLINGS}


def test_short_words_and_marks_have_all_of_them_and_none_is_zero():
    (words,) = spelled(["a . 東 é\u0301 😀"])
    assert all((word > 0).all() for word in words)
    assert len({tuple(word) for word in words}) == len(words)


def test_they_depend_neither_on_other_texts_nor_on_the_run():
    texts = ["Ann met Bob .", "", "in Köln", "x" * 200]
    tokenizer = WordPieceTokenizer.learn(texts, 200, exactly=False)
    for text, together in zip(texts, spelled(texts, tokenizer), strict=True):
        (alone,) = spelled([text], tokenizer)
        np.testing.assert_array_equal(alone, together)
    # A model that is saved reads the same numbers wherever it is loaded.
    assert spelled(["Ann"])[0][0].tolist() == [
        528678, 496884, 916879, 852956, 633542, 259082, 845792, 812099
    ]  # fmt: skip


def test_there_are_as_many_numbers_as_asked_for():
    (words,) = spelled([" ".join(f"w{i}x{i * 7}" for i in range(300))], size=5)
    assert {*np.concatenate(words).tolist()} == {1, 2, 3, 4}


def test_pieces_of_a_word_have_the_spellings_of_the_word():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "New", "##er", "er"])
    places = tokenizer.tokenize_with_places(tf.constant(["Newer er"]))
    named = (places[name] for name in ("starts", "ends", "words"))
    first, second, other = spelling_ids(tf.constant(["Newer er"]), *named, SIZE)[0].numpy()
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_words_that_are_seen_once_have_no_piece():
    tokenizer = WordPieceTokenizer.of_words(["A b a", "b C b"], 10, lower_case=True)
    assert tokenizer.vocab_size == 6
    assert tokenizer.tokens(tokenizer.encode(["B c?"]).ids.values) == ["b", "[UNK]", "[UNK]"]
    assert WordPieceTokenizer.of_words(["a b a b"], 5).vocab_size == 5


@pytest.mark.parametrize("word", ["a" * 300, "ก" * 86], ids=["characters", "bytes"])
def test_a_word_that_is_longer_than_a_piece_can_be_is_not_learnt(word):
    tokenizer = WordPieceTokenizer.of_words([f"{word} b"] * 2, 10)
    assert tokenizer.tokens(tokenizer.encode([f"{word} b"]).ids.values) == ["[UNK]", "b"]

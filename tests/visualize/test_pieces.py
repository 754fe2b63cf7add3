import numpy as np
import pytest

from tftransformer.visualize import merge_pieces


def random_weights(*shape):
    weights = np.random.default_rng(0).random(shape)
    return weights / weights.sum(-1, keepdims=True)


def test_keys_are_summed_and_queries_averaged():
    queries = ["▁Die", "▁Hund", "e", "▁bel", "l", "en"]
    keys = ["▁the", "▁dog", "s", "▁bark"]
    weights = random_weights(3, 6, 4)
    merged, query_words, key_words = merge_pieces(weights, queries, keys)
    assert query_words == ["Die", "Hunde", "bellen"]
    assert key_words == ["the", "dogs", "bark"]
    for head in range(3):
        for i, rows in enumerate(([0], [1, 2], [3, 4, 5])):
            for j, columns in enumerate(([0], [1, 2], [3])):
                to_word = [sum(weights[head, row, column] for column in columns) for row in rows]
                np.testing.assert_allclose(merged[head, i, j], sum(to_word) / len(rows))
    np.testing.assert_allclose(merged.sum(-1), 1)


def test_a_query_that_sees_nothing_stays_at_zero():
    weights = np.array([[0.0, 0.0], [0.5, 0.5]])
    merged, _, _ = merge_pieces(weights, ["▁a", "▁b"], ["▁c", "d"])
    np.testing.assert_array_equal(merged, [[0.0], [1.0]])


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["▁Er", "▁schl", "äft", ".", "</s>"], ["Er", "schläft", ".", "</s>"]),
        (["<s>", "Er", "▁ist"], ["<s>", "Er", "ist"]),
        (["▁don", "'", "t"], ["don't"]),
        (["▁ja", ".", '"', "▁Sie"], ["ja", ".", '"', "Sie"]),
        (["▁5", "<0xE2>", "<0x82>", "<0xAC>"], ["5€"]),
        (["▁<0xE2>", "▁x"], ["<0xE2>", "x"]),
        (["▁", "<unk>", "▁x"], ["<unk>", "x"]),
        (["▁", "▁x"], ["▁", "x"]),
        (
            ["[CLS]", "un", "##glaub", "##lich", "!", "[SEP]"],
            ["[CLS]", "unglaublich", "!", "[SEP]"],
        ),
        (["[UNK]", "##s"], ["[UNK]s"]),
        (["", "x"], ["", "x"]),
    ],
)
def test_words_of_pieces(pieces, words):
    merged, queries, keys = merge_pieces(random_weights(len(pieces), len(pieces)), pieces, pieces)
    assert queries == keys == words
    assert merged.shape == (len(words), len(words))


def test_weights_that_do_not_fit_the_tokens():
    with pytest.raises(ValueError, match=r"\(2, 3\).*3 query tokens.*2 key tokens"):
        merge_pieces(np.ones((2, 3)), ["a", "b", "c"], ["d", "e"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_values_that_are_no_attention_weights(value):
    with pytest.raises(ValueError, match=r"1 .*after the softmax"):
        merge_pieces([[0.5, value]], ["a"], ["b", "c"])


def test_no_tokens():
    with pytest.raises(ValueError, match="nothing to draw"):
        merge_pieces(np.ones((0, 0)), [], [])

"""Sentences and their places."""

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import sentence_numbers, sentence_places, sentences

CASES = {
    "marks before capitals and digits": (
        'He said: "Go!" She went... away. 3 men came',
        ['He said: "Go!"', "She went... away.", "3 men came"],
    ),
    "line breaks": ("a\r\n\r\nb\nand c. e.g. this.", ["a", "b", "and c. e.g. this."]),
    "abbreviations": (
        "Dr. Who met Mr. Smith, J. F. Kennedy et al. (2018) in the U.S. Army. Why?",
        ["Dr. Who met Mr. Smith, J. F. Kennedy et al. (2018) in the U.S. Army.", "Why?"],
    ),
    "before numbers alone": (
        "See Fig. 3 and No. 5. No. Yes.",
        ["See Fig. 3 and No. 5.", "No.", "Yes."],
    ),
    "German": (
        "Am 3. Mai kam er z. B. Berlin bzw. Bonn näher. „Komm!“ Schön. Ja.",
        ["Am 3. Mai kam er z. B. Berlin bzw. Bonn näher.", "„Komm!“", "Schön.", "Ja."],
    ),
    "I is no initial": ("Taller than I. He left.", ["Taller than I.", "He left."]),
    "numbers of lists": ("1. First.\n 2. Second.", ["1. First.", "2. Second."]),
    "Japanese": (
        "彼は「行く。」と言った。そして出た！はい",
        ["彼は「行く。」と言った。", "そして出た！", "はい"],
    ),
    "nothing": (" \n\u2028 ", []),
}


@pytest.mark.parametrize("case", CASES)
def test_sentences_end_where_people_end_them(case):
    text, expected = CASES[case]
    assert sentences([text, "x", text]) == [expected, ["x"], expected]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("aB.!? \n\t1“Ä。😀\x01\xa0"), max_size=20), min_size=1, max_size=4
    )
)
def test_sentences_hold_all_but_white_space_in_order(texts):
    starts, ends = (side.to_list() for side in sentence_places(tf.constant(texts)))
    for text, begins, stops in zip(texts, starts, ends, strict=True):
        places = list(zip(begins, stops, strict=True))
        assert all(start < end for start, end in places)
        assert sorted(places) == places
        found = "".join(text[start:end] for start, end in places)
        assert "".join(found.split()) == "".join(text.split())
        for start, end in places:
            assert text[start:end] == text[start:end].strip()


def test_a_piece_is_of_the_sentence_in_which_it_ends():
    starts = tf.ragged.constant([[1, 4], [], [0]], tf.int32, ragged_rank=1)
    ends = tf.ragged.constant([[1, 2, 3, 5, 9], [0], [4]], tf.int32, ragged_rank=1)
    assert sentence_numbers(starts, ends).to_list() == [[0, 0, 0, 1, 1], [0], [0]]


def test_a_million_characters_take_no_more_for_each_than_a_thousand():
    text = "Dr. Who was in. Why? He said go. " * 30_000
    assert len(sentences([text])[0]) == 90_000

"""Counting characters, beside which language models are scored."""

import pytest

from tftransformer.tasks.foreseeing import CharacterCounts


def test_characters_are_counted_as_kneser_and_ney_do():
    counts = CharacterCounts(["abab", "abc"], order=2)
    letters = "abc"
    for before in (*letters, "z"):
        seen = sum(counts.probability(before + letter) for letter in letters)
        unseen = counts.probability(before + "?")
        assert seen + unseen == pytest.approx(1, abs=1e-9)
    assert counts.probability("ab") > counts.probability("ac") > 0
    assert counts.nats(["ab"]) < counts.nats(["ba"])


def test_what_is_taken_from_counts_is_what_the_counts_of_counts_say():
    """Six pairs seen once, three twice, two three times, one four times (eq. 26)."""
    seen = {1: "abcdef", 2: "ghi", 3: "jk", 4: "l"}
    texts = [letter for times, letters in seen.items() for letter in letters * times]
    counts = CharacterCounts(texts, order=1)
    share = 6 / (6 + 2 * 3)
    taken = (0, 1 - 2 * share * 3 / 6, 2 - 3 * share * 2 / 3, 3 - 4 * share * 1 / 2)
    assert counts.discounts[1] == pytest.approx(taken)
    held = taken[1] * 6 + taken[2] * 3 + taken[3] * 3
    assert counts.probability("?") == pytest.approx(held / 22 / 13)
    assert counts.probability("l") == pytest.approx((4 - taken[3] + held / 13) / 22)

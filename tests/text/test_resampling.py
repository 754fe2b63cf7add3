"""Drawn segmentations: the right frequencies, and the same ones in every process."""

import collections
import itertools
import math

import numpy as np
import pytest

from tftransformer.core import Ragged
from tftransformer.text.resampling import Resampler

# Special tokens and bytes have no text; the scores of BPE are whole numbers.
BPE = [None, None, "ab", "abc", "bc", "▁ab", "▁abc", "▁", "a", "b", "c"]
BPE_SCORES = [0.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0]
UNIGRAM = [None, "▁", "a", "b", "ab", "ba", "▁ab", "aba"]
UNIGRAM_SCORES = [0.0, -2.5, -2.1, -1.9, -1.2, -1.4, -0.8, -1.7]


def merged(word, dropped):
    """BPE as in the papers; `dropped` says for each merge, as it is tried, whether it fails."""
    symbols, failed, seen = list(word), set(), itertools.count()
    while True:
        # A pair is known by where it begins and what it holds.
        at = list(itertools.accumulate(map(len, symbols), initial=0))
        found = [
            (-BPE_SCORES[BPE.index(a + b)], at[i], i, a, b)
            for i, (a, b) in enumerate(itertools.pairwise(symbols))
            if a + b in BPE and (at[i], a, b) not in failed
        ]
        if not found:
            return tuple(symbols)
        _, start, i, a, b = min(found)
        if dropped(next(seen)):
            failed.add((start, a, b))
        else:
            symbols[i : i + 2] = [a + b]


def frequencies_of_merges(word, alpha):
    """The probability of each segmentation, over all ways in which merges may fail."""
    found = collections.Counter()
    tries = 8
    for fails in itertools.product([False, True], repeat=tries):
        chance = math.prod(alpha if fail else 1 - alpha for fail in fails)
        found[merged(word, fails.__getitem__)] += chance
    assert sum(found.values()) == pytest.approx(1)
    return found


def frequencies_of_lattice(word, alpha):
    """The probability of each segmentation, in proportion to the product of its pieces'."""
    found = {}
    for cuts in itertools.product([False, True], repeat=len(word) - 1):
        ends = [i + 1 for i, cut in enumerate(cuts) if cut] + [len(word)]
        parts = tuple(word[a:b] for a, b in itertools.pairwise([0, *ends]))
        if all(part in UNIGRAM for part in parts):
            scores = sum(UNIGRAM_SCORES[UNIGRAM.index(part)] for part in parts)
            found[parts] = math.exp(alpha * scores)
    return {parts: weight / sum(found.values()) for parts, weight in found.items()}


@pytest.mark.slow_after(6)
@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.6])
@pytest.mark.parametrize(
    ("pieces", "scores", "word", "expected"),
    [
        (BPE, BPE_SCORES, "▁abcab", frequencies_of_merges),
        (BPE, BPE_SCORES, "▁ab", frequencies_of_merges),
        (UNIGRAM, UNIGRAM_SCORES, "▁abab", frequencies_of_lattice),
        (UNIGRAM, UNIGRAM_SCORES, "▁baab", frequencies_of_lattice),
    ],
)
def test_segmentations_come_as_often_as_they_should(pieces, scores, word, expected, alpha):
    count = 20_000
    letters = [pieces.index(letter) for letter in word] * count
    texts = Ragged(np.array(letters, np.int32), np.arange(count + 1) * len(word))
    drawn = Resampler(pieces, scores)(texts, alpha, np.random.default_rng(0))
    found = collections.Counter(
        tuple(pieces[i] for i in row) for row in np.split(drawn.values, drawn.row_splits[1:-1])
    )
    expected = expected(word, alpha)
    assert set(found) <= set(expected)
    for parts, chance in expected.items():
        assert found[parts] / count == pytest.approx(chance, abs=0.015), parts


def rows_of(ragged):
    return [row.tolist() for row in np.split(ragged.values, ragged.row_splits[1:-1])]


def test_each_word_is_cut_by_itself_and_what_is_no_text_stays():
    ids = [[6, 1, 5, 3], [], [7, 0], [5, 4]]
    drawn = Resampler(BPE, BPE_SCORES)(Ragged.from_rows(ids), 1.0, np.random.default_rng(0))
    assert rows_of(drawn) == [
        [7, 8, 9, 10, 1, 7, 8, 9, 8, 9, 10],
        [],
        [7, 0],
        [7, 8, 9, 9, 10],
    ]


def test_pieces_over_spaces_are_made_again():
    pieces = [*BPE, "b▁", "ab▁", "ab▁ab"]
    scores = [*(score - 9 for score in BPE_SCORES), -1.0, -2.0, -3.0]
    ids = Ragged.from_rows([[2, 6]])
    drawn = Resampler(pieces, scores)(ids, 0.0, np.random.default_rng(0))
    assert rows_of(drawn) == [[13, 10]]


def test_a_piece_that_its_letters_do_not_make_stays_whole():
    pieces, scores = [*BPE, "▁ca", "x"], [*BPE_SCORES, -10.0, -11.0]
    for piece, expected in ((11, [11]), (12, [12])):
        drawn = Resampler(pieces, scores)(
            Ragged.from_rows([[piece]]), 0.0, np.random.default_rng(0)
        )
        assert rows_of(drawn) == [expected]


@pytest.mark.parametrize(
    ("pieces", "scores", "ids", "expected"),
    [
        (BPE, BPE_SCORES, [6, 5, 3, 6], [6, 7, 8, 9, 3, 7, 3]),
        (UNIGRAM, UNIGRAM_SCORES, [6, 4, 6, 7, 5], [1, 4, 4, 1, 4, 4, 7]),
    ],
    ids=["bpe", "unigram"],
)
def test_the_same_in_every_process(pieces, scores, ids, expected):
    drawn = Resampler(pieces, scores)(Ragged.from_rows([ids]), 0.4, np.random.default_rng(7))
    assert drawn.values.tolist() == expected

"""ROUGE and its stemmer, against plain readings of their definitions."""

import itertools
import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.scores import best_sentences, rouge_scores, stem
from tftransformer.scores.rouge import _common_places, common_length

WORDS = st.lists(st.sampled_from("abcd"), max_size=9)
TEXTS = st.lists(st.sampled_from(["the", "cats", "sat", "\n", "É", "-"]), max_size=12).map(" ".join)


def is_part(part, whole):
    """Whether `part` is a subsequence of `whole`."""
    rest = iter(whole)
    return all(word in rest for word in part)


def table(one, other):
    """The usual table of longest common subsequences."""
    rows = [[0] * (len(other) + 1)]
    for word in one:
        row = [0]
        for j, found in enumerate(other):
            longest = max(rows[-1][j + 1], row[-1])
            row.append(rows[-1][j] + 1 if word == found else longest)
        rows.append(row)
    return rows


@settings(deadline=None, max_examples=50)
@given(WORDS, WORDS)
def test_the_common_subsequence_is_the_longest_there_is(one, other):
    parts = (part for size in range(len(one), -1, -1) for part in combinations(one, size))
    longest = next(part for part in parts if is_part(part, other))
    assert common_length(one, other) == common_length(other, one) == len(longest)
    places = sorted(_common_places(one, other))
    assert len(places) == len(longest)
    assert is_part([one[place] for place in places], other)


@settings(deadline=None, max_examples=50)
@given(WORDS, WORDS)
def test_of_several_subsequences_it_is_that_which_the_table_read_backwards_gives(one, other):
    rows, places = table(one, other), set()
    i, j = len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1]:
            places.add(i - 1)
            i, j = i - 1, j - 1
        elif rows[i][j - 1] > rows[i - 1][j]:
            j -= 1
        else:
            i -= 1
    assert _common_places(one, other) == places


def test_a_long_text_is_compared_by_the_row():
    one, other = ["a", "b"] * 1000, ["b", "c", "a"] * 700
    assert common_length(one, other) == table(one[:1000], other[:1050])[-1][-1] * 2


@settings(deadline=None, max_examples=50)
@given(TEXTS, TEXTS, st.booleans())
def test_swapping_the_sides_swaps_precision_and_recall(one, other, stemmed):
    kinds = ("rouge1", "rouge2", "rouge9", "rougeL")
    there = rouge_scores([one], [other], stemmed=stemmed, kinds=kinds)
    back = rouge_scores([other], [one], stemmed=stemmed, kinds=kinds)
    for kind in kinds:
        assert there[kind]["precision"] == back[kind]["recall"]
        assert there[kind]["f1"] == pytest.approx(back[kind]["f1"])
        assert 0 <= there[kind]["f1"] <= 1
    assert there["rougeL"]["f1"] <= there["rouge1"]["f1"] + 1e-12


@settings(deadline=None, max_examples=50)
@given(TEXTS, TEXTS)
def test_one_line_is_one_sentence(one, other):
    one, other = one.replace("\n", " "), other.replace("\n", " ")
    scores = rouge_scores([one], [other])
    assert scores["rougeL"] == scores["rougeLsum"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_a_corpus_is_the_mean_of_its_pairs(pairs):
    whole = rouge_scores(*zip(*pairs, strict=True))
    each = [rouge_scores([one], [other]) for one, other in pairs]
    for kind, scores in whole.items():
        for key, value in scores.items():
            assert value == pytest.approx(sum(x[kind][key] for x in each) / len(each))


def test_the_best_of_several_references_counts_for_each_kind():
    summary, one, other = "a b c d", "d c b a", "a b"
    scores = rouge_scores([[one, other]], [summary])
    assert scores["rouge1"] == rouge_scores([one], [summary])["rouge1"]
    assert scores["rouge2"] == rouge_scores([other], [summary])["rouge2"]


def test_accents_part_words_and_case_does_not_count():
    perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert rouge_scores(["GRÖẞE"], ["gr e"], kinds=["rouge1"])["rouge1"] == perfect
    assert rouge_scores(["北京"], ["北京"], kinds=["rouge1"])["rouge1"]["f1"] == 0


# What NLTK 3.10's PorterStemmer() says.
STEMS = {
    "caresses": "caress",
    "flies": "fli",
    "dies": "die",
    "died": "die",
    "spied": "spi",
    "agreed": "agre",
    "feed": "feed",
    "plastered": "plaster",
    "sing": "sing",
    "conflated": "conflat",
    "hopping": "hop",
    "falling": "fall",
    "filing": "file",
    "happy": "happi",
    "enjoying": "enjoy",
    "sky": "sky",
    "skies": "sky",
    "vietnamization": "vietnam",
    "hopefully": "hope",
    "radically": "radic",
    "geology": "geolog",
    "theology": "theolog",
    "probate": "probat",
    "rate": "rate",
    "controlling": "control",
    "roll": "roll",
    "adoption": "adopt",
    "syzygy": "syzygi",
    "is": "is",
    "succeed": "succeed",
    "1990s": "1990",
}


@pytest.mark.parametrize("word", STEMS)
def test_endings_are_cut_as_the_reference_cuts_them(word):
    assert stem(word) == STEMS[word]


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["a"], ["a", "b"]), {}, "true has 1 rows and predicted 2"),
        (([], []), {}, "at least one"),
        (("a", "a"), {}, "true='a'"),
        ((["a"], [None]), {}, r"predicted\[0\] is None"),
        ((["a", []], ["a", "b"]), {}, r"true\[1\] is \[\]"),
        ((["a", ["b", 3]], ["a", "b"]), {}, r"true\[1\] is 3"),
        ((["a"], ["a"]), {"kinds": ["rouge0"]}, "kinds='rouge0'"),
    ],
)
def test_bad_input_is_named(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        rouge_scores(*arguments, **options)


def test_best_sentences_raise_the_score_at_each_step_and_no_other_would_raise_it_more():
    draw = random.Random(3)
    for _ in range(20):
        sentences = [" ".join(draw.choices("abcdef", k=draw.randint(0, 6))) for _ in range(6)]
        references = [" ".join(draw.choices("abcdef", k=8)) for _ in range(draw.randint(1, 2))]

        def score(chosen, sentences=sentences, references=references):
            found = [grams for number in chosen for grams in grams_of(sentences[number])]
            return max(
                sum(f1(found, grams_of(true), size) for size in (1, 2)) for true in references
            )

        chosen, most = [], 0.0
        while True:
            left = [number for number in range(6) if number not in chosen]
            best = max(left, key=lambda number: score([*chosen, number]), default=None)
            if best is None or score([*chosen, best]) <= most + 1e-12:
                break
            chosen, most = [*chosen, best], score([*chosen, best])
        assert best_sentences(sentences, references) == sorted(chosen)


def grams_of(text):
    words = text.split()
    return [(word,) for word in words] + list(itertools.pairwise(words))


def f1(one, other, size):
    one, other = (Counter(gram for gram in grams if len(gram) == size) for grams in (one, other))
    return 2 * (one & other).total() / max(1, one.total() + other.total())

"""Entities: tags and spans, and the scores of found ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.core.tags import PREFIXES, SCHEMES
from tftransformer.scores import entity_scores, spans_to_tags, tags_to_spans

TAGS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC"))]
SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), max_size=8),
    min_size=1,
    max_size=6,
)


@st.composite
def some_spans(draw):
    """A sentence's length and spans in it, which do not overlap."""
    spans, end = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = end + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 3))
        spans.append((draw(st.sampled_from(["A", "B-x", "O"])), start, end))
    return end + draw(st.integers(0, 2)), spans


def sides(sentences):
    return ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))


@settings(deadline=None, max_examples=50)
@given(some_spans(), st.sampled_from(list(PREFIXES)))
def test_spans_come_back_from_their_tags(drawn, scheme):
    length, spans = drawn
    tags = spans_to_tags(reversed(spans), length, scheme=scheme)
    assert len(tags) == length
    assert tags_to_spans(tags, mode="strict", scheme=scheme) == spans
    assert tags_to_spans(tags, scheme=scheme) == spans
    assert tags_to_spans(tags) == spans


def test_plain_tags_join_equal_neighbours():
    tags = ["PER", "PER", "O", "LOC", "PER"]
    spans = [("PER", 0, 2), ("LOC", 3, 4), ("PER", 4, 5)]
    assert tags_to_spans(tags, scheme="plain") == spans
    assert tags_to_spans(tags, mode="strict", scheme="plain") == spans
    assert spans_to_tags(spans, 5, scheme="plain") == tags


@pytest.mark.parametrize(
    ("tags", "lenient", "strict"),
    [
        ("B-A I-A", [("A", 0, 2)], {"IOB2": [("A", 0, 2)], "IOB1": [("A", 1, 2)], "IOBES": []}),
        ("B-A B-A", [("A", 0, 1), ("A", 1, 2)], {"IOB2": [("A", 0, 1), ("A", 1, 2)]}),
        ("I-A I-B", [("A", 0, 1), ("B", 1, 2)], {"IOB2": [], "IOB1": [("A", 0, 1), ("B", 1, 2)]}),
        ("B-A I-B", [("A", 0, 1), ("B", 1, 2)], {"IOB2": [("A", 0, 1)]}),
        ("S-A I-A", [("A", 0, 1), ("A", 1, 2)], {"IOBES": [("A", 0, 1)]}),
        ("B-A I-A E-A E-A", [("A", 0, 3), ("A", 3, 4)], {"IOBES": [("A", 0, 3)]}),
        ("B I O B", [("_", 0, 2), ("_", 3, 4)], {"IOB2": [("_", 0, 2), ("_", 3, 4)]}),
    ],
)
def test_tags_are_read_leniently_or_strictly(tags, lenient, strict):
    assert tags_to_spans(tags.split()) == lenient
    for scheme, spans in strict.items():
        assert tags_to_spans(tags.split(), mode="strict", scheme=scheme) == spans
        if scheme == "IOBES":
            assert tags_to_spans(tags.split(), mode="strict", scheme="BIOES") == spans


@settings(deadline=None, max_examples=50)
@given(SENTENCES, st.sampled_from([("lenient", None), ("strict", "IOBES")]))
def test_swapping_the_sides_swaps_precision_and_recall(sentences, how):
    mode, scheme = how
    true, predicted = sides(sentences)
    one = entity_scores(true, predicted, mode=mode, scheme=scheme)
    other = entity_scores(predicted, true, mode=mode, scheme=scheme)
    assert one["types"].keys() == other["types"].keys()
    for a, b in [(one[k], other[k]) for k in ("micro", "macro")] + [
        (one["types"][kind], other["types"][kind]) for kind in one["types"]
    ]:
        assert a["precision"] == b["recall"]
        assert a["f1"] == pytest.approx(b["f1"])
        assert 0 <= a["f1"] <= 1
    assert one["tag_accuracy"] == other["tag_accuracy"]


@settings(deadline=None, max_examples=50)
@given(SENTENCES, st.randoms(use_true_random=False))
def test_the_order_of_sentences_does_not_matter(sentences, random):
    mixed = random.sample(sentences, len(sentences))
    assert entity_scores(*sides(sentences)) == entity_scores(*sides(mixed))


def test_nothing_is_divided_by_zero():
    scores = entity_scores([[], ["O"]], [[], ["O"]])
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert scores == {
        "types": {},
        "micro": nothing,
        "macro": nothing,
        "weighted": nothing,
        "tag_accuracy": 1.0,
    }


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: entity_scores([["O"]], [["O", "O"]]), "Sentence 0 has 1 true tags and 2"),
        (lambda: entity_scores([["O"]], []), "true has 1 rows and predicted 0"),
        (lambda: entity_scores([], []), "at least one"),
        (lambda: entity_scores("O", ["O"]), "true='O'"),
        (lambda: entity_scores([["O"]], [["X-PER"]]), "Sentence 0: Tag 'X-PER' of word 0"),
        (lambda: entity_scores(["O"], ["O"]), "expected a list of tags"),
        (lambda: tags_to_spans(["S-A"], scheme="IOB2"), r"one of B, I with a type.*scheme IOB2"),
        (lambda: tags_to_spans(["O", None]), "Tag None of word 1"),
        (lambda: tags_to_spans(["B-"]), "Tag 'B-'"),
        (lambda: tags_to_spans(["PER"]), "Tag 'PER'"),
        (lambda: tags_to_spans([""], scheme="plain"), "expected 'O' or a type"),
        (lambda: tags_to_spans(["O"], scheme="BILOU"), ", ".join(SCHEMES)),
        (lambda: tags_to_spans(["O"], mode="strict"), "which mode='strict' needs"),
        (lambda: tags_to_spans(["O"], mode="loose"), "mode='loose'"),
        (lambda: spans_to_tags([("A", 1, 1)], 3), "empty or outside the 3 words"),
        (lambda: spans_to_tags([("A", 1, 4)], 3), "outside"),
        (lambda: spans_to_tags([("A", 0, 2), ("B", 1, 3)], 3), "overlap"),
        (lambda: spans_to_tags([("O", 0, 1)], 2, scheme="plain"), "no type"),
        (lambda: spans_to_tags([("A", 0, 1), ("A", 1, 2)], 2, scheme="plain"), "cannot tell"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()

"""Trees in brackets, and the scores of found ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.scores import Tree, bracket_scores, read_trees

LABELS = st.sampled_from(["S", "NP", "NP-SBJ", "PRT", "ADVP", "TOP"])
TAGS = st.sampled_from(["NN", "VB", ",", "-NONE-", "."])


def trees():
    word = st.builds(lambda tag, text: Tree(tag, (text,)), TAGS, st.sampled_from("ab"))
    grown = st.recursive(
        word,
        lambda child: st.builds(
            lambda label, children: Tree(label, tuple(children)),
            LABELS,
            st.lists(child, min_size=1, max_size=3),
        ),
        max_leaves=8,
    )
    return st.builds(lambda tree: Tree("S", (tree,)), grown)


@st.composite
def pairs(draw):
    """Two trees over the same words and tags."""
    leaves = draw(st.lists(st.tuples(TAGS, st.sampled_from("ab")), min_size=1, max_size=7))

    def grow(leaves):
        if len(leaves) == 1 and draw(st.booleans()):
            return Tree(leaves[0][0], (leaves[0][1],))
        cut = draw(st.integers(1, len(leaves)))
        parts = [grow(some) for some in (leaves[:cut], leaves[cut:]) if some and some != leaves]
        if not parts:
            parts = [Tree(tag, (word,)) for tag, word in leaves]
        return Tree(draw(LABELS), tuple(parts))

    return grow(leaves), grow(leaves)


@settings(deadline=None, max_examples=50)
@given(trees())
def test_a_tree_is_read_as_it_is_written(tree):
    assert Tree.read(str(tree)) == tree
    assert read_trees(f"\n{tree}\n\n {tree}") == [tree, tree]
    assert len(tree.words) == len(tree.tags)
    assert tree.spans[0] == ("S", 0, len(tree.words))


def test_an_outermost_bracket_may_lack_its_label():
    assert str(Tree.read("( (S (NN a)) )")) == "(TOP (S (NN a)))"


@pytest.mark.slow
def test_a_tree_may_be_deeper_than_python_recurses():
    text = "(S " * 5000 + "(NN a)" + ")" * 5000
    tree = Tree.read(text)
    assert str(tree) == text
    assert len(tree.spans) == 5000
    assert bracket_scores([tree], [text])["all"]["f1"] == 100


@settings(deadline=None, max_examples=50)
@given(trees())
def test_a_tree_equals_itself(tree):
    scores = bracket_scores([tree], [str(tree)])
    (counts,) = scores["each"]
    assert counts["matched"] == counts["gold"] == counts["test"]
    assert counts["crossing"] == 0
    assert scores["all"]["complete"] == scores["all"]["no_crossing"] == 100


@settings(deadline=None, max_examples=50)
@given(st.lists(pairs(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_swapping_the_sides_swaps_precision_and_recall(rows, random):
    there = bracket_scores(*zip(*rows, strict=True))["all"]
    back = bracket_scores(*list(zip(*rows, strict=True))[::-1])["all"]
    mixed = bracket_scores(*zip(*random.sample(rows, len(rows)), strict=True))["all"]
    assert mixed == there
    assert there["sentences"] == len(rows)
    assert there["precision"] == back["recall"]
    assert there["f1"] == pytest.approx(back["f1"])
    assert there["no_crossing"] == back["no_crossing"]
    for key in ("precision", "recall", "f1", "complete", "no_crossing", "tag_accuracy"):
        assert 0 <= there[key] <= 100


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_crossing_is_sharing_words_without_one_inside_the_other(pair):
    (counts,) = bracket_scores(*([tree] for tree in pair))["each"]
    kept = [
        [(set(range(start, end)) - dropped) for _, start, end in tree.spans if _ != "TOP"]
        for tree in pair
        for dropped in [{i for i, tag in enumerate(tree.tags) if tag not in ("NN", "VB")}]
    ]
    crossing = sum(
        any(one & other and one - other and other - one for other in kept[0]) for one in kept[1]
    )
    assert counts["crossing"] == crossing


def test_sentences_above_40_words_stand_in_all_alone():
    short, long = (f"(S {'(NN a) ' * size}{'(-NONE- *) ' * 3})" for size in (40, 41))
    scores = bracket_scores([short, long], [short, long])
    assert [scores[key]["sentences"] for key in ("all", "up_to_40")] == [2, 1]
    assert [counts["length"] for counts in scores["each"]] == [40, 41]


def test_a_sentence_that_was_not_parsed_is_an_error_and_left_out():
    tree = "(S (NN a))"
    scores = bracket_scores([tree, tree, tree, tree], [tree, None, "", "(S (NN b))"])
    assert scores["errors"] == 3
    assert [counts is None for counts in scores["each"]] == [False, True, True, True]
    assert scores["all"]["f1"] == 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 trees in '': expected one"),
        ("(S (NN a)) (S (NN b))", "2 trees"),
        ("(S (NN a)", "At character 0 of .*never closed"),
        ("(S (NN a)))", r"At character 10 of .*'\)' stands outside"),
        ("word", "'word' stands outside"),
        ("(S (NP))", "At character 3 of .*holds nothing"),
        ("(S ())", "holds nothing"),
        ("(S ((NN a)))", "At character 3 of .*no label"),
        ("(S (NP the cat))", "At character 3 of .*no tag of its own"),
        ("(S (NN a) b)", "At character 0 of .*no tag of its own"),
        (None, "None was given"),
    ],
)
def test_a_malformed_tree_is_named_with_the_place(text, said):
    with pytest.raises(ValueError, match=said):
        Tree.read(text)


def test_bad_input_is_named():
    good = "(S (NN a))"
    with pytest.raises(ValueError, match=r"predicted\[1\]: At character 0"):
        bracket_scores([good, good], [good, "(S (NN a)"])
    with pytest.raises(ValueError, match="true has 2 rows and predicted 1"):
        bracket_scores([good, good], [good])
    with pytest.raises(ValueError, match="at least one"):
        bracket_scores([], [])

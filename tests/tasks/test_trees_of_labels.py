"""Trees → labels → trees: the identity; and any labels at all make a tree."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.objectives import WordLabels
from tftransformer.scores import Tree
from tftransformer.tasks.label_tree_graph import trees_of_logits
from tftransformer.tasks.tree_strings import best_depths, constituents, one_blank_between_words
from tftransformer.tasks.treebank import plain_tree, spelled, word_labels

LABELS, TAGS = ["S", "NP", "VP", "ADJP|X"], ["NN", "DT", ".", "-LRB-"]
WORDS = st.sampled_from(["dog", "a", "(", ")b", "ß", "日本", "😀", "1/2", "-LRB", "\u200b"])
CLASSES = [[0, 1, -1, 2, -3], [1, 3, 2, 5], ["NP", "S VP", "S"], ["", "NP", "S VP"], ["NN", "."]]
SIZES = [len(kind) for kind in CLASSES]


@st.composite
def trees(draw, depth=4):
    """Trees of every shape: flat ones, deep ones, chains of one child."""
    leaf = st.builds(lambda tag, word: Tree(tag, (word,)), st.sampled_from(TAGS), WORDS)
    if not depth or draw(st.integers(0, 3)) == 0:
        return draw(leaf)
    children = draw(st.lists(trees(depth - 1), min_size=1, max_size=4))
    return Tree(draw(st.sampled_from(LABELS)), tuple(children))


def ragged(rows, dtype=tf.string):
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([x for row in rows for x in row], dtype), [len(row) for row in rows]
    )


def decoded(found):
    return [text.decode() for text in found.numpy()]


def by_labels(some, classes):
    """Trees of the words of some trees, given logits that are sure of each label."""
    sizes = [len(kind) for kind in classes]
    rows = [
        np.concatenate([
            20.0 * (np.arange(size) == (kind.index(label) if label is not None else 0))
            for label, kind, size in zip(labels, classes, sizes, strict=True)
        ])
        for tree in some
        for labels in word_labels(tree)
    ]  # fmt: skip
    found = trees_of_logits(
        tf.constant(np.array(rows, np.float32)), ragged([tree.words for tree in some]), classes
    )
    return decoded(found["tree"])


@pytest.mark.slow
@given(st.lists(trees(), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_trees_come_back_from_their_labels(some):
    objective = WordLabels()
    several = plain_tree("(S (NP (DT a) (NN b)) (VP (VB c)))")  # so that each kind has a label
    objective.fit([[word_labels(tree) for tree in (*some, several)]])
    assert by_labels(some, objective.kinds_) == [spelled(tree) for tree in some]


@pytest.mark.slow
@given(st.lists(st.lists(WORDS, max_size=9), min_size=1, max_size=4), st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_any_labels_make_one_tree_over_just_the_words(sentences, seed):
    count = sum(map(len, sentences))
    logits = np.random.default_rng(seed).normal(size=(count, sum(SIZES)), scale=4)
    found = trees_of_logits(tf.constant(logits, tf.float32), ragged(sentences), CLASSES)
    check(sentences, decoded(found["tree"]))
    for score, words in zip(found["score"].numpy(), sentences, strict=True):
        assert 0 < score <= 1 if words else score == 0


SYMBOLS = st.lists(st.sampled_from(["(S", "(NP", ")", ")", "NN", "DT", "(", "((", ")S", "x(y"]))


def check(sentences, found):
    for words, text in zip(sentences, found, strict=True):
        if not words:
            assert text == ""
            continue
        expected = [w.replace("(", "-LRB-").replace(")", "-RRB-") for w in words]
        assert Tree.read(text).words == expected


@given(st.lists(st.lists(st.integers(1, 5), max_size=9), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_constituents_are_the_stretches_between_smaller_numbers(rows):
    numbers = [[*gaps, 0] for gaps in rows]
    flat = [number for row in numbers for number in row]
    found = constituents(tf.constant(flat, tf.int32))
    spans = {
        (int(first), int(last), int(depth))
        for first, last, depth in zip(*(x.numpy() for x in found[1:]), strict=True)
        if depth
    }
    expected, start = set(), 0
    for row in numbers:
        for i, number in enumerate(row[:-1]):
            left = max((j for j in range(i) if row[j] < number), default=-1)
            right = min(j for j in range(i, len(row)) if row[j] < number)
            expected.add((start + left + 1, start + right, number))
        start += len(row)
    assert spans == expected


@pytest.mark.slow
@given(st.integers(0, 2**20))
@settings(max_examples=30, deadline=None)
def test_depths_are_the_best_of_all_that_fit_together(seed):
    draw = np.random.default_rng(seed)
    changes, numbers = [1, 0, -1, 2], [2, 1, 3]
    lengths = [3, 1, 4, 0]
    levels, depths = (draw.normal(size=(sum(lengths), n)) for n in (4, 3))
    found, scores = best_depths(
        tf.constant(levels, tf.float32), tf.constant(depths, tf.float32),
        tf.constant(lengths, tf.int64), changes, numbers,
    )  # fmt: skip
    found, start = found.numpy().tolist(), 0
    for length, score in zip(lengths, scores.numpy(), strict=True):
        best = {(): 0.0}
        for gap in range(start, start + length - 1):
            best = {
                (*path, number): total
                + levels[gap][changes.index(number - (path[-1] if path else 0))]
                + depths[gap][i]
                for path, total in best.items()
                for i, number in enumerate(numbers)
                if number - (path[-1] if path else 0) in changes
            }
        path = max(best, key=best.__getitem__)
        assert found[start : start + length] == [*path, 0][:length]
        np.testing.assert_allclose(score, best[path], rtol=1e-5)
        start += length


def test_white_space_of_every_kind_parts_words():
    text = "\u3000a\x85b\x1fc \u00a0 d\n"
    assert one_blank_between_words(tf.constant([text])).numpy()[0].decode().split(" ") == (
        text.split()
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("( (S (NP-SBJ-1 (-NONE- *)) (VP (VB go))) )", "(S (VP (VB go)))"),
        ("(TOP (S (VB go)) (. .))", "(TOP (S (VB go)) (. .))"),
        ("(NP=2 (-LRB- -LRB-) (PRP$ my))", "(NP (-LRB- -LRB-) (PRP$ my))"),
        (r"(NP (CD 1\/2) (SYM \*))", "(NP (CD 1/2) (SYM *))"),
        ("(NP (-LRB- -LCB-))", "(NP (-LRB- {))"),
    ],
)  # fmt: skip
def test_trees_are_read_as_a_treebank_writes_them(written, expected):
    assert spelled(plain_tree(written)) == expected


def test_no_depth_of_a_tree_is_too_much():
    deep = "(NP " * 3000 + "(NN a) (NN b)" + ")" * 3000
    assert spelled(plain_tree(deep)) == deep
    assert len(word_labels(plain_tree(deep))) == 2

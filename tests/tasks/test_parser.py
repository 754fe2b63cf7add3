"""The Parser: from trees to trees; bad input; what is saved and served."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tftransformer as tt
from tftransformer.scores import Tree
from tftransformer.tasks.tree_scores import right_branching, tree_scores

SUBJECTS = [
    "(NP (DT the) (NN dog))",
    "(NP (NNP Ann))",
    "(NP (NP (DT a) (NN cat)) (PP (IN of) (NP (NNP Bob))))",
]
VERBS = [
    "(VP (VBZ barks))",
    "(VP (VBD saw) {})",
    "(VP (VBD said) (SBAR (IN that) (S {} (VP (VBD left)))))",
]
TREES = [
    f"(S {subject} {verb.format(other)} (. .))"
    for subject in SUBJECTS
    for verb in VERBS
    for other in SUBJECTS
]  # fmt: skip
FRAME = pd.DataFrame({"tree": TREES}, index=range(100, 100 + len(TREES)))
ASKED = ["Ann saw the dog .", "", "the ( dog ) barks\t 😀", "left", " ".join(["a cat of"] * 20)]
SETTINGS = {"vocab_size": 80, "learning_rate": 0.01}
HOW = {"validation": 0, "verbose": 0}


@pytest.fixture(scope="module")
def fitted():
    """One that has learnt from a few trees, by its labels."""
    return tt.Parser(**SETTINGS, max_length=16, stride=4).fit(FRAME, epochs=30, **HOW)


@pytest.mark.slow
def test_it_learns_trees():
    parse = tt.Parser(**SETTINGS).fit(FRAME, epochs=60, **HOW)
    scores = parse.evaluate(FRAME)
    assert scores["f1"] > 90 > scores["right_branching"]["f1"]
    assert scores["tag_accuracy"] > 90
    assert all(spans(text) for text in parse(ASKED))
    assert [one["tree"] for one in parse(ASKED)] == [parse(text)["tree"] for text in ASKED]


def spans(answer):
    """Whether an answer is one tree over the words, or nothing of none."""
    assert set(answer) == {"tree", "score"}
    assert 0 <= answer["score"] <= 1
    return answer["tree"] == "" or Tree.read(answer["tree"])


@pytest.mark.slow
@given(st.lists(st.text(max_size=12) | st.sampled_from(ASKED), max_size=4))
@settings(max_examples=25, deadline=None)
def test_each_tree_has_just_the_words_of_its_sentence(fitted, texts):
    texts = [text for text in texts if not any("\ud800" <= x <= "\udfff" for x in text)]
    for text, found in zip(texts, fitted(texts), strict=True):
        words = [w.replace("(", "-LRB-").replace(")", "-RRB-") for w in text.split()]
        assert (Tree.read(found["tree"]).words if words else found["tree"]) == (words or "")


@pytest.mark.slow
def test_sentences_come_as_words_as_texts_or_as_trees(fitted):
    words = [Tree.read(tree).words for tree in TREES[:3]]
    expected = fitted.predict([" ".join(row) for row in words])
    assert fitted.predict(words) == expected
    found = fitted.predict(FRAME[:3])
    assert found.tolist() == expected
    assert found.index.tolist() == [100, 101, 102]
    assert (
        fitted(pd.DataFrame({"sentence": ["Ann barks ."]}))["tree"][0]
        == fitted("Ann barks .")["tree"]
    )
    for wrong in ["a b", "", 3]:
        with pytest.raises(ValueError, match="is no word"):
            fitted([["a", wrong]])


@pytest.mark.slow
def test_what_is_saved_parses_as_before_and_learns_further(fitted, tmp_path):
    fitted.save(tmp_path / "parser")
    for again in (tt.load(tmp_path / "parser"), tt.pipeline("parsing", tmp_path / "parser")):
        assert again(ASKED) == fitted(ASKED)
    assert tt.Parser(tmp_path / "parser")(ASKED) == fitted(ASKED)
    further = tt.Parser(tmp_path / "parser", stride=4).fit(FRAME, epochs=1, **HOW)
    assert further.evaluate(FRAME)["f1"] > 50


def test_rows_without_a_tree_are_counted_and_bad_trees_are_named():
    with pytest.raises(ValueError, match=r"row 1: At character 3 .* has no label"):
        tt.Parser().fit(["(S (NN a))", "(S ((NN a)))"])
    with pytest.raises(ValueError, match=r"row 0: .* holds no word but traces"):
        tt.Parser().fit(pd.DataFrame({"tree": ["(S (-NONE- *))"]}))
    with pytest.raises(ValueError, match=r"row 0: 7 is no tree"):
        tt.Parser().fit([7])
    with pytest.raises(ValueError, match="column 'tree' is not in the DataFrame"):
        tt.Parser().fit(pd.DataFrame({"trees": TREES}))
    with pytest.raises(ValueError, match="cannot be called 'sentence'"):
        tt.Parser().fit(pd.DataFrame({"sentence": TREES}), tree="sentence")
    with pytest.raises(ValueError, match="the table is empty"):
        tt.Parser().fit([])


@pytest.mark.slow
def test_the_report_says_what_became_of_the_rows():
    frame = pd.DataFrame({"tree": [*TREES, None, float("nan")]})
    parse = tt.Parser(**SETTINGS).fit(frame, epochs=1, **HOW)
    assert parse.report_.missing == 2
    scores = parse.evaluate(frame)
    assert scores["rows"] == len(TREES)


def test_counting_makes_trees_that_branch_to_the_right():
    learnt = [Tree.read(tree) for tree in TREES]
    found = right_branching(learnt, [["the", "dog", "barks", "."], ["dog"], [], ["dog", "."]])
    assert found == [
        "(S (DT the) (NP (NN dog) (VBZ barks)) (. .))",
        "(NN dog)",
        "",
        "(S (NN dog) (. .))",
    ]


def test_found_tags_do_not_decide_which_words_are_scored():
    true = Tree.read("(S (NP (DT the) (NN dog)) (VP (VBZ barks)) (. .))")
    found = "(S (NP (DT the) (. dog)) (VP (VBZ barks)) (NN .))"
    scores = tree_scores([true], [found])
    assert scores["f1"] == scores["exact_match"] == 100
    assert scores["tag_accuracy"] == pytest.approx(200 / 3)
    assert scores["errors"] == 0


def test_sentences_without_a_tree_of_their_words_are_counted():
    true = [Tree.read("(S (NP (NN we)) (VP (VB go)))")] * 3
    scores = tree_scores(true, [str(true[0]), "", "(S (NN we))"])
    assert (scores["f1"], scores["tag_accuracy"], scores["errors"]) == (100, 100, 2)


@pytest.mark.slow
def test_sizes_and_family_of_a_model_from_scratch_are_taken():
    parse = tt.Parser(
        {"family": "Bert", "num_layers": 1, "d_model": 32, "num_heads": 2}, vocab_size=60
    )
    parse.fit(TREES, epochs=1, **HOW)
    assert type(parse.model_).__name__ == "Bert"
    assert parse.model_.num_layers == 1


@pytest.mark.slow
def test_a_model_that_sees_neighbours_alone_has_no_bias_by_distance():
    parse = tt.Parser({"num_layers": 1, "d_model": 32, "neighbours": 2}, vocab_size=60)
    parse.fit(TREES, epochs=1, **HOW)
    assert parse.model_.stack.position_bias is None
    assert parse("Ann barks .")["tree"]

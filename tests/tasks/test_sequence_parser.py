"""The SequenceParser: which symbols may follow, whatever the model says; limits; several trees."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from test_parser import ASKED, TREES

import tftransformer as tt
from tftransformer.scores import Tree
from tftransformer.tasks.treebank import spelled
from tftransformer.tasks.written_trees import WORD, Symbols, fewest, learn_symbols, symbols

LEAVES = st.sampled_from([f"(XX {word})" for word in ("a", "b", "c")])
SOME_TREES = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        lambda label, some: f"({label} {' '.join(some)})",
        st.sampled_from(["S", "NP", "VP"]),
        st.lists(parts, min_size=1, max_size=3),
    ),
    max_leaves=8,
)
HOW = {"validation": 0, "verbose": 0}


@pytest.fixture(scope="module")
def writer():
    return learn_symbols(["(S (NP XX )NP (VP XX )VP )S"], 100)


@pytest.fixture(scope="module")
def meaning(writer):
    return Symbols(writer)


def banned(meaning, words, limit, ids):
    """Which symbols must not follow some, of a text that begins with a start."""
    scores = tf.zeros([1, len(meaning.kinds)])
    padded = tf.constant([[2, *ids, 0, 0]])
    found = meaning.ban(
        tf.constant([words]), tf.constant([limit]), scores, padded, tf.constant([len(ids) + 1])
    )
    return np.isinf(found.numpy()[0])


@pytest.mark.slow
@given(st.lists(SOME_TREES, min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_trees_are_read_as_they_were_written(writer, meaning, texts):
    trees = [Tree.read(text) for text in texts]
    ids = writer.encode([symbols(tree) for tree in trees]).ids.tolist()
    words = tf.ragged.constant([tree.words for tree in trees])
    found = meaning.trees(tf.ragged.constant([[*row, 3] for row in ids]).to_tensor(), words)
    assert [Tree.read(text.decode()) for text in found.numpy()] == trees


@pytest.mark.slow
@given(SOME_TREES)
@settings(max_examples=30, deadline=None)
def test_what_makes_a_tree_is_allowed(writer, meaning, text):
    tree = Tree.read(text)
    ids = [*writer.encode([symbols(tree)]).ids.tolist()[0], writer.special_ids["end"]]
    for at, following in enumerate(ids):
        assert not banned(meaning, len(tree.words), len(ids), ids[:at])[following]


@pytest.mark.slow
@given(st.integers(1, 6), st.integers(0, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_what_is_allowed_makes_a_tree_within_its_limit(writer, meaning, words, more, seed):
    draw, ids, limit = np.random.default_rng(seed), [], fewest(words) + more
    while writer.special_ids["end"] not in ids:
        ids.append(int(draw.choice(np.flatnonzero(~banned(meaning, words, limit, ids)))))
    assert len(ids) <= limit
    given_words = [f"w{i}" for i in range(words)]
    (found,) = meaning.trees(tf.constant([ids]), tf.ragged.constant([given_words])).numpy()
    assert Tree.read(found.decode()).words == given_words


def test_a_word_alone_is_its_own_tree_and_brackets_hold_something(writer, meaning):
    names = np.array(writer.tokens(range(writer.vocab_size)))

    def allowed(words, limit, text):
        ids = writer.encode([text]).ids.tolist()[0] if text else []
        return {name.strip("▁") for name in names[~banned(meaning, words, limit, ids)]}

    opening = {"(S", "(NP", "(VP", "(X"}
    assert allowed(1, 9, "") == {WORD, *opening}
    assert allowed(2, 9, "") == opening
    assert allowed(2, 9, "(S (NP") == {WORD, *opening}
    assert allowed(2, 9, "(S (NP XX") == {WORD, ")NP", *opening}
    assert allowed(2, 9, "(S (NP XX )NP") == {WORD, *opening}
    assert allowed(2, 9, "(S XX XX") == {")S"}
    assert allowed(2, 5, "(S") == {WORD}
    assert allowed(2, 9, "(S XX XX )S") == allowed(0, 9, "") == {"</s>"}


@pytest.fixture(scope="module")
def fitted():
    sizes = {"num_layers": 1, "d_model": 32, "dff": 32, "dropout": 0.0}
    parse = tt.SequenceParser(sizes, vocab_size=80, learning_rate=0.005, warmup_steps=60)
    return parse.fit(TREES, epochs=150, **HOW)


@pytest.mark.slow
def test_it_learns_trees_and_says_no_tags(fitted):
    scores = fitted.evaluate(TREES)
    assert scores["f1"] > 90 > scores["right_branching"]["f1"]
    assert scores["errors"] == 0
    assert "tag_accuracy" not in scores


@pytest.mark.slow
@given(st.lists(st.text(max_size=12) | st.sampled_from(ASKED), max_size=3))
@settings(max_examples=10, deadline=None)
def test_each_tree_has_just_the_words_of_its_sentence(fitted, texts):
    texts = [text for text in texts if not any("\ud800" <= x <= "\udfff" for x in text)]
    for text, found in zip(texts, fitted(texts, num_beams=1), strict=True):
        words = [w.replace("(", "-LRB-").replace(")", "-RRB-") for w in text.split()]
        assert (Tree.read(found["tree"]).words if words else found["tree"]) == (words or "")


@pytest.mark.slow
def test_several_trees_of_a_sentence_differ_and_scores_fall(fitted):
    (found,) = fitted.n_best(["Ann saw the dog ."], num_beams=4, num_return_sequences=4)
    assert len({tree.text for tree in found}) == len(found) == 4
    assert [tree.score for tree in found] == sorted((tree.score for tree in found), reverse=True)
    for tree in found:
        assert spelled(Tree.read(tree.text)) == tree.text


@pytest.mark.slow
def test_sentences_that_cannot_be_read_or_written_whole_are_errors(fitted, tmp_path):
    with pytest.raises(ValueError, match=r"texts\[1\] has 9 words.*at least 12 .* raise max_len"):
        fitted(["Ann", "a " * 9], max_new_tokens=11)
    fitted.save(tmp_path / "saved")
    short = tt.load(tmp_path / "saved", max_source_length=6)
    with pytest.raises(ValueError, match=r"texts\[1\] takes 10 tokens, and max_source_length=6"):
        short(["Ann left .", "the " * 9])
    # An export cannot refuse: it says that it read less, and the tree still has all words.
    serve = tf.saved_model.load(short.export(tmp_path / "served")).signatures["serving_default"]
    found = serve(texts=tf.constant(["Ann left .", "the " * 9]))
    assert found["cut"].numpy().tolist() == [False, True]
    assert Tree.read(found["trees"].numpy()[1].decode()).words == ["the"] * 9


@pytest.mark.parametrize("family", ["T5", "Bart"])
def test_a_family_of_one_vocabulary_is_refused_before_anything_is_learnt(family, monkeypatch):
    parse = tt.SequenceParser({"family": family})
    monkeypatch.setattr(tt.DataProcess, "fit", None)  # learning would call it
    with pytest.raises(ValueError, match=f"family='{family}' has one .* choose 'Transformer'"):
        parse.fit(TREES, **HOW)


def test_a_tokenizer_without_symbols_of_trees_is_told():
    with pytest.raises(ValueError, match="no symbol XX"):
        Symbols(tt.WordPieceTokenizer(["[PAD]", "[UNK]", "a"]))


@pytest.mark.slow
def test_words_are_cut_by_a_tokenizer_that_was_given_and_two_are_refused():
    words = " ".join(word for tree in TREES for word in Tree.read(tree).words)
    known = tt.WordPieceTokenizer.learn([words], 60, exactly=False)
    sizes = {"num_layers": 1, "d_model": 8, "num_heads": 1, "dff": 8}
    parse = tt.SequenceParser(sizes, tokenizers=known).fit(TREES, epochs=1, **HOW)
    assert parse.source_tokenizer is known
    assert parse.target_tokenizer is not known
    with pytest.raises(TypeError, match="a SequenceParser takes one, for the words"):
        tt.SequenceParser(sizes, tokenizers=(known, known)).fit(TREES, epochs=1, **HOW)
    with pytest.raises(ValueError, match=r"sampling_alpha=0\.1 .* where the tokenizer is made"):
        tt.SequenceParser(sizes, tokenizers=known, sampling_alpha=0.1).fit(TREES, **HOW)

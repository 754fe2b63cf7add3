"""Texts cut into words by Moses' rules: fixed cases of sacremoses, and of XLM's class around it."""

import pytest
import tensorflow as tf

from tftransformer.text import BpeTokenizer, load_tokenizer
from tftransformer.text.moses import moses
from tftransformer.text.rewriting import Rewriter

# A text; its words as they are; in small letters and without accents, where that is more.
CASES = [
    (
        "Mr. Smith paid $3,000 in the U.S. He left.",
        "Mr. Smith paid $ 3,000 in the U.S. He left .",
        "mr. smith paid $ 3,000 in the u.s. he left .",
    ),
    (
        "No. 5 and No. Five, pp. 3.",
        "No. 5 and No . Five , pp. 3 .",
        "no . 5 and no. five , pp. 3 .",
    ),
    ('"yes", then: "no." etc. and', '" yes , " then : " no . " etc. and', None),
    ("don't rock 'n' roll 5's", "don 't rock ' n ' roll 5 's", None),
    ("wait... what.. “ok”…", 'wait ... what .. " ok ... "', None),
    ("a «\u00a0b\u00a0» c 1\u00a0000 %", 'a " b " c 1.000 %', None),
    ("state-of-the-art (e.g.) x--y", "state-of-the-art ( e.g. ) x--y", None),
    ("中文。テスト！", "中 文 . テスト !", None),
    ("İstanbul's CAFÉ ΣΑΣ", "İstanbul 's CAFÉ ΣΑΣ", "i stanbul 's cafe σασ"),
    ("a\u200bb\nc\u2028d", "abc d", None),
    (" 'tis the end.'", "'tis the end . '", None),
    ("''a``,", '" a " ,', None),
    ("x. b. A. B. C. d.", "x. b . A. B. C. d .", "x. b. a. b. c. d ."),
    (" \u200b ", "", None),
    ("", "", None),
]
TEXTS = [text for text, _, _ in CASES]
COLUMNS = ("starts", "ends", "words")
PIECES = ["<unk>", *"abcdefghilmnoprsty", *(f"{x}</w>" for x in "abcdefnorst.,'"), "t h", "th"]


def tokenizer(lower_case):
    return BpeTokenizer(PIECES, [("t", "h")], lower_case=lower_case, by_moses=True)


@pytest.mark.slow
@pytest.mark.parametrize("lower_case", [False, True])
def test_words_are_those_of_the_reference(lower_case):
    rewriter = Rewriter(moses(lower_case, lower_case))
    texts = tf.constant(TEXTS)
    made = [text.decode() for text in rewriter(texts).numpy()]
    wanted = [small if lower_case and small else words for _, words, small in CASES]
    assert [text.split() for text in made] == [text.split() for text in wanted]
    assert [text.decode() for text in rewriter.with_places(texts).texts.numpy()] == made


@pytest.mark.slow
@pytest.mark.parametrize("lower_case", [False, True])
def test_pieces_stand_where_they_stood_in_the_given_text(lower_case):
    texts = ["Mr. Smith, don't… (“so”, he said.)", "", "\u200ba «\u00a0b\u00a0» à.. No"]
    made = tokenizer(lower_case).tokenize_with_places(tf.constant(texts))
    rows = []
    for text, *columns in zip(texts, *(made[x].to_list() for x in COLUMNS), strict=True):
        words = {}
        for start, end, word in zip(*columns, strict=True):
            words[word] = words.get(word, "") + text[start:end]
        rows.append([*words.values()])
    assert rows == [
        # A quotation mark that goes behind a comma stands where the comma does; one with a blank
        # of its own, where the blank does.
        ["Mr.", "Smith", ",", "don", "'t", "………", "(", "“", "so", ",", ",", "he", "said", ".", ")"],
        [],
        ["a", "\u00a0", "b", "»", "à", "..", "No"],
    ]


@pytest.mark.slow
def test_a_graph_and_a_saved_tokenizer_give_the_same(tmp_path):
    made = tokenizer(True)
    ids = made.encode(TEXTS).ids.tolist()
    spec = tf.TensorSpec([None], tf.string)
    graph = tf.function(made.tokenize, input_signature=[spec], autograph=False)
    assert graph(tf.constant(TEXTS)).to_list() == ids
    made.save(tmp_path)
    assert BpeTokenizer.from_vocabulary(made.vocabulary(), made.get_settings()).by_moses
    assert load_tokenizer(tmp_path).encode(TEXTS).ids.tolist() == ids
    assert made.decode(made.encode(["the, (dog)"]).ids.tolist())[0].startswith("the ,")

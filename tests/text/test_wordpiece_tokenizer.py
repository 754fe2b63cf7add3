"""WordPieceTokenizer: longest match, BERT's vocabularies, learning."""

import re
import unicodedata

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import MANY as CORPUS

from tftransformer.text import WordPieceTokenizer

BERT = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "em", "##bed", "##ding", "##s"]
BERT += ["!", "uber", "##bing", "a", "##b"]


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer.learn(CORPUS, 160, special_tokens=["[MASK]"])


@pytest.fixture(scope="module")
def bert():
    return WordPieceTokenizer.from_vocab(BERT, lower_case=True)


def special(**names):
    return {"special_tokens": {"unk": "[UNK]", **names}}


def longest_match(word, pieces):
    """The algorithm of BERT, word by word."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in pieces:
                found.append(piece)
                start = end
                break
        else:
            return ["[UNK]"]
    return found


def test_ids_are_where_everybody_expects_them(tokenizer):
    expected = {"pad": 0, "unk": 1, "start": 2, "end": 3, "cls": 2, "sep": 3, "mask": 4}
    assert tokenizer.special_ids == expected
    assert tokenizer.id_of("[MASK]") == 4
    assert tokenizer.vocab_size == 160


def test_berts_own_vocabulary_brings_its_own_ids(bert):
    expected = {"pad": 0, "unk": 2, "start": 3, "end": 4, "cls": 3, "sep": 4, "mask": 5}
    assert bert.special_ids == expected
    ids = bert.encode(["Embeddings! Überbing", "x"]).ids
    assert bert.tokens(ids[0]) == ["em", "##bed", "##ding", "##s", "!", "uber", "##bing"]
    assert bert.tokens(ids[1]) == ["[UNK]"]
    assert bert.decode([[3, *ids[0], 4, 0, 0]]) == ["embeddings ! uberbing"]


def test_vocabulary_file(tmp_path, bert):
    path = tmp_path / "vocab.txt"
    path.write_bytes("\r\n".join(BERT).encode())
    read = WordPieceTokenizer.from_vocab(path, lower_case=True)
    assert read.tokens(range(len(BERT))) == BERT
    path.write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"vocab\.txt.*lacks the unknown token"):
        WordPieceTokenizer.from_vocab(path)


@given(words=st.lists(st.text("DerHundKatzsiehtüößmdc", min_size=1, max_size=12), max_size=6))
@settings(max_examples=100, deadline=None)
def test_equals_the_longest_match_by_hand(tokenizer, words):
    pieces = set(tokenizer.tokens(range(tokenizer.vocab_size)))
    expected = [piece for word in words for piece in longest_match(word, pieces)]
    assert tokenizer.tokens(tokenizer.encode([" ".join(words)]).ids[0]) == expected


@pytest.mark.slow
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=9))
@settings(max_examples=15, deadline=None)
def test_any_text_goes_through_without_special_ids(tokenizer, bert, texts):
    for each in (tokenizer, bert):
        ids = each.encode(texts).ids.tolist()
        assert each.tokenize(tf.constant(texts, tf.string)).to_list() == ids
        assert len(each.decode(ids)) == len(texts)
        special = {i for role, i in each.special_ids.items() if role != "unk"}
        assert not {i for row in ids for i in row} & special


@pytest.mark.slow
@given(data=st.lists(st.binary(), min_size=1, max_size=3))
@settings(max_examples=15, deadline=None)
def test_bytes_that_are_no_text_do_no_harm(bert, data):
    bert.detokenize(bert.tokenize(tf.constant(data))).numpy()[0].decode()


def test_spelled_out_special_tokens_are_text(bert):
    ids = bert.encode(["[PAD] [CLS][SEP] [MASK]"]).ids[0].tolist()
    assert not set(ids) & {0, 3, 4, 5}


def test_text_after_a_nul_is_not_lost(bert):
    assert bert.tokens(bert.encode(["a\x00b\tem"]).ids[0]) == ["a", "##b", "em"]


def test_detokenized_text_differs_by_spaces_alone(tokenizer):
    for text, back in zip(CORPUS, tokenizer.decode(tokenizer.encode(CORPUS).ids), strict=True):
        assert back == " ".join(re.findall(r"\w+|[^\w\s]", text))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lower_case", "strip_accents", "expected"),
    [
        (False, None, "Die Tür"),
        (False, True, "Die Tur"),
        (True, None, "die tur"),
        (True, False, "die tür"),
    ],
)
def test_case_and_accents(lower_case, strip_accents, expected):
    tokenizer = WordPieceTokenizer.learn(
        CORPUS, 140, lower_case=lower_case, strip_accents=strip_accents
    )
    assert tokenizer.decode(tokenizer.encode(["Die Tür"]).ids) == [expected]
    decomposed = unicodedata.normalize("NFD", "Die Tür")
    if tokenizer.strip_accents:
        assert tokenizer.decode(tokenizer.encode([decomposed]).ids) == [expected]


def test_learning_is_reproducible_and_covers_every_character():
    first, second = (WordPieceTokenizer.learn(iter(CORPUS), 160) for _ in "ab")
    assert first.vocabulary() == second.vocabulary()
    ids = first.encode(CORPUS).ids
    assert first.special_ids["unk"] not in ids.values
    mean = len(ids.values) / len(CORPUS)
    assert mean < sum(map(len, CORPUS)) / len(CORPUS) / 2.5


@pytest.mark.parametrize(
    ("texts", "vocab_size", "message"),
    [
        ([], 160, "nothing to learn from"),
        (["good", None], 160, r"texts\[1\]"),
        (CORPUS, 20, r"\d+ characters \+ 4 special tokens alone take"),
        (CORPUS, 70, r"4 special tokens \+ \d+ characters, .* alone take"),
        (CORPUS, 50_000, r"at most \d+"),
    ],
)
def test_learning_says_what_is_wrong(texts, vocab_size, message):
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer.learn(texts, vocab_size)


@pytest.mark.parametrize(
    ("pieces", "settings", "message"),
    [
        (["a", "b"], {}, r"lacks the unknown token '\[UNK\]'"),
        (
            ["[UNK]"],
            {"special_tokens": {"unk": "[UNK]", "mask": "<m>"}},
            "lacks the mask token '<m>'",
        ),
        (["[UNK]"], {"special_tokens": {"mask": "[UNK]"}}, "needs 'unk'"),
        (["[UNK]", "a", "a"], {}, "'a' more than once"),
        (["[UNK]", "##"], {}, "not a WordPiece vocabulary"),
    ],
)
def test_bad_vocabularies_are_refused(pieces, settings, message):
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(pieces, **settings)


def test_a_word_that_is_a_special_tokens_name_does_not_become_it():
    special = {"unk": "[UNK]", "pad": "pad"}
    tokenizer = WordPieceTokenizer(["[UNK]", "pad", "p", "##ad", "a"], special_tokens=special)
    assert tokenizer.encode(["a pad"]).ids.tolist() == [[4, 2, 3]]
    assert tokenizer.encode(["a pad"], allow_special=True).ids.tolist() == [[4, 1]]

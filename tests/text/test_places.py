"""Where pieces stand: exactly as in the reference, in the graph and outside of it."""

import random
import re
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import WordPieceTokenizer
from tftransformer.text.characters import PLAIN

ODD = (
    "\x00\x01\t\n\r\x0b\x1c\x85\xa0\xad\u200b\u200d\u200e\u2028\u3000\ufeff\ufffd\uffff\U0010ffff"
    "\u0300\u0301\u0308\u0338\u0345\u05b0\u064b\u093c\u0e31ΣςİıßẞﬁǅΩÅ가한\u1100\u1161一龥豈\U0002f800"
    "😀👨\ue000;·`≠≮—、，$+^é"
)
LETTERS = "abcdeABCDE .,'!-\n"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ab", "##cd", "##de", "bcd", "##ab"]
PIECES += list(
    dict.fromkeys(
        mark + letter
        for source in LETTERS + ODD
        for form in (source, source.lower(), unicodedata.normalize("NFD", source)[0])
        for letter in form
        for mark in ("", "##")
        if letter.isprintable() and letter != " "
    )
)
MANNERS = [(False, None), (False, True), (True, None), (True, False)]
TEXTS = st.text(st.sampled_from(LETTERS) | st.sampled_from(ODD) | st.characters(codec="utf-8"))


def both(lower_case, strip_accents):
    """Our tokenizer and the reference."""
    reference = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            {piece: i for i, piece in enumerate(PIECES)},
            unk_token="[UNK]",
            max_input_chars_per_word=100,
        )
    )
    reference.normalizer = tokenizers.normalizers.BertNormalizer(
        lowercase=lower_case, strip_accents=strip_accents
    )
    reference.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return WordPieceTokenizer(PIECES, lower_case=lower_case, strip_accents=strip_accents), reference


@pytest.fixture(scope="module", params=MANNERS, ids=str)
def pair(request):
    return both(*request.param)


def assert_equal(pair, texts):
    """Ids, places and words are those of the reference, and the graph says the same."""
    tokenizer, reference = pair
    encoding = tokenizer.encode(texts)
    graph = tokenizer.tokenize_with_places(tf.constant(texts, tf.string))
    assert graph["ids"].to_list() == encoding.ids.tolist()
    assert tokenizer.tokenize(tf.constant(texts, tf.string)).to_list() == encoding.ids.tolist()
    for name in ("starts", "ends", "words"):
        np.testing.assert_array_equal(graph[name].flat_values, getattr(encoding, name))
    splits = encoding.ids.row_splits
    for row, (text, expected) in enumerate(zip(texts, reference.encode_batch(texts), strict=True)):
        here = slice(splits[row], splits[row + 1])
        places = list(
            zip(encoding.starts[here].tolist(), encoding.ends[here].tolist(), strict=True)
        )
        found = encoding.ids[row].tolist(), places, encoding.words[here].tolist()
        assert found == (expected.ids, expected.offsets, expected.word_ids), repr(text)


@pytest.mark.slow
@given(texts=st.lists(TEXTS, max_size=20))
@settings(max_examples=6, deadline=None)
def test_ids_places_and_words_equal_the_reference(pair, texts):
    assert_equal(pair, texts)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "text",
    ["a" * 100, "a" * 101, "é" * 100, "é" * 101, "ab " * 500, "", " ", "e\u0301\u0308a", "a\r\nb"]
    + [f"co{odd}operation" for odd in "\xad\u200b\u200c\ufeff\x97\u200e\t\xa0"],
)
def test_single_texts_equal_the_reference(pair, text):
    assert_equal(pair, [text, "ab", text])


@pytest.mark.slow
def test_thousands_of_odd_texts_equal_the_reference():
    draw = random.Random(7)
    for manner in MANNERS:
        pair = both(*manner)
        for _ in range(5):
            sources = [[*LETTERS], [*LETTERS], [*ODD], [chr(i) for i in range(0xD800)]]
            texts = [
                "".join(draw.choice(draw.choice(sources)) for _ in range(draw.randrange(40)))
                for _ in range(1000)
            ]
            assert_equal(pair, texts)


def plain_characters():
    """All of `PLAIN`, which is written for RE2."""
    written = re.sub(r"\\x\{(\w+)\}", lambda code: re.escape(chr(int(code[1], 16))), PLAIN)
    return [chr(i) for i in range(0x20000) if re.fullmatch(f"[{written}]", chr(i))]


@pytest.mark.slow
@pytest.mark.parametrize(("lower_case", "strip_accents"), MANNERS)
def test_plain_characters_are_cut_alike_by_tables_and_by_tensorflow(lower_case, strip_accents):
    characters = plain_characters()
    assert len(characters) > 20_000
    made = {form for c in characters for form in unicodedata.normalize("NFD", c + c.lower())}
    letters = sorted({*characters, *made} - {"\t", "\n", "\r", " ", "\xa0"})
    pieces = dict.fromkeys(["[UNK]", *letters, *(f"##{letter}" for letter in letters)])
    tokenizer = WordPieceTokenizer(list(pieces), lower_case=lower_case, strip_accents=strip_accents)
    draw = random.Random(3)
    texts = [form.format(c) for c in characters for form in ("{}", "x{}y", "x {} y", "{0}{0}")]
    texts += ["".join(draw.choices(characters, k=20)) for _ in range(5000)]
    texts = tf.constant(texts)
    tables = tokenizer.tokenize_with_places(texts)["ids"]
    assert tokenizer._tokenize_plain(texts).to_list() == tables.to_list()


@pytest.mark.slow
def test_words_that_format_characters_stand_in_stay_whole():
    """Case: soft hyphen, zero width and control characters are deleted, not made a space."""
    tokenizer = WordPieceTokenizer(["[UNK]", "cooperation", "co", "##operation"], lower_case=True)
    for odd in "\xad\u200b\u200c\ufeff\x97\u200e":
        encoding = tokenizer.encode([f"Co{odd}operation"])
        assert tokenizer.tokens(encoding.ids[0]) == ["cooperation"]
        assert (encoding.starts.tolist(), encoding.ends.tolist()) == ([0], [12])


def test_a_tokenizer_of_ones_own_without_places_says_so():
    class Silent(WordPieceTokenizer):
        def cut_with_places(self, texts):
            return super(WordPieceTokenizer, self).cut_with_places(texts)

    encoding = Silent(["[UNK]", "a"]).encode(["a"])
    assert encoding.ids.tolist() == [[1]]
    with pytest.raises(NotImplementedError, match=r"Silent.*cut_with_places"):
        _ = encoding.starts


@pytest.mark.slow
def test_time_grows_with_length_alone():
    """A million characters go through."""
    encoding = WordPieceTokenizer(PIECES).encode(["ab cd, " * 150_000, "a\u0301" * 100_000])
    assert encoding.ends.max() == 1_049_999

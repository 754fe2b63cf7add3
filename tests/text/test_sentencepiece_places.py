"""Where SentencePiece's pieces stand, whatever the normalisation does to the text."""

import io
import json
import random

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import SentencePieceTokenizer

CORPUS = [f"It cost {i}00 euros, die Tür {i * 7 % 13}0000!" + "!" * (i % 9) for i in range(300)]
ODD = "ﬁ²Ａ①㍿é e\u0301 \u00a0\u200b\ufeff\u3000\t\r\n\x00\xad😀👩‍👧漢字עברית▁가"
ANY = st.characters(codec="utf-8")
TEXTS = st.text(st.sampled_from("It cost euros0!") | st.sampled_from(ODD) | ANY)
MANNERS = [("bpe", "identity"), ("unigram", "nmt_nfkc"), ("unigram", "nfkc_cf"), ("bpe", "nfkc")]


@pytest.fixture(scope="module", params=MANNERS, ids=str)
def tokenizer(request):
    kind, normalization = request.param
    return SentencePieceTokenizer.learn(CORPUS, 320, kind=kind, normalization=normalization)


def rows_of(tokenizer, texts):
    """Of each text its ids and places, which are the same in the graph and outside of it."""
    encoding = tokenizer.encode(texts)
    graph = tokenizer.tokenize_with_places(tf.constant(texts, tf.string))
    assert graph["ids"].to_list() == encoding.ids.tolist()
    for name in ("starts", "ends", "words"):
        np.testing.assert_array_equal(graph[name].flat_values, getattr(encoding, name))
    return list(zip(*(graph[name].to_list() for name in graph), strict=True))


@pytest.mark.slow
@given(texts=st.lists(TEXTS, max_size=12))
@settings(max_examples=15, deadline=None)
def test_places_are_in_order_inside_words_and_free_of_white_space(tokenizer, texts):
    for text, (_, starts, ends, words) in zip(texts, rows_of(tokenizer, texts), strict=True):
        assert starts == sorted(starts)
        assert ends == sorted(ends)
        assert words == sorted(words)
        for start, end, word in zip(starts, ends, words, strict=True):
            assert 0 <= start <= end <= len(text)
            piece = text[start:end]
            assert piece == piece.strip()
            if not any(map(str.isspace, text)) and piece:
                assert word >= 0
        pieces = [w for w, a, b in zip(words, starts, ends, strict=True) if a < b]
        assert sorted(set(pieces)) == list(range(len(set(pieces))))


@pytest.mark.slow
@given(texts=st.lists(TEXTS.filter(str.strip), max_size=8))
@settings(max_examples=15, deadline=None)
def test_what_comes_before_a_text_moves_its_places_and_nothing_else(tokenizer, texts):
    alone = rows_of(tokenizer, texts)
    for text, row, (ids, starts, ends, words) in zip(
        texts, alone, rows_of(tokenizer, ["It " + text for text in texts]), strict=True
    ):
        n = len(row[0])
        if ids[-n:] == row[0] and n and row[1][0] == 0 and text[0] == "I":
            assert [start - 3 for start in starts[-n:]] == row[1]
            assert [end - 3 for end in ends[-n:]] == row[2]
            assert [word - 1 for word in words[-n:]] == row[3]


def test_places_by_hand():
    tokenizer = SentencePieceTokenizer.learn(CORPUS, 320, kind="unigram", normalization="nmt_nfkc")
    text = "  ﬁ  \u200beuros "
    (ids, starts, ends, words), *_ = rows_of(tokenizer, [text])
    found = [(text[a:b], word) for a, b, word in zip(starts, ends, words, strict=True)]
    assert found[0] == ("ﬁ", 0)
    assert {piece for piece, word in found if word == 0} == {"ﬁ"}
    assert "".join(dict.fromkeys(piece for piece, word in found if word == 1))[:1] == "e"
    assert (min(starts), max(ends), len(ids)) == (2, 11, len(words))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_runs_of_equal_characters_are_cut_alike_in_the_graph_and_outside(kind):
    tokenizer = SentencePieceTokenizer.learn(
        [text + " " + "." * (i % 11) for i, text in enumerate(CORPUS)],
        320,
        kind=kind,
        character_coverage=1.0,
    )
    draw = random.Random(1)
    texts = [c * n for n in range(2, 30) for c in "0.!a "]
    texts += ["x" + c * n + "y" for n in range(2, 30) for c in "0.!a"]
    texts += [
        "".join(draw.choice("0.! a") * draw.randrange(9) for _ in range(9)) for _ in range(99)
    ]
    graph = tokenizer.tokenize(tf.constant(texts))
    assert tokenizer.encode(texts).ids.tolist() == graph.to_list()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"add_dummy_prefix": False, "remove_extra_whitespaces": False}, " leading space"),
        ({"add_dummy_prefix": False}, "no  space"),
        ({"unk_surface": "[?]"}, "emoji 😀 x"),
        ({}, "emoji 😀 x"),
    ],
    ids=json.dumps,
)
def test_models_of_others_say_what_the_library_says(options, text):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*CORPUS, "leading emoji space no x"] * 2),
        model_writer=model,
        vocab_size=60,
        minloglevel=2,
        **options,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = theirs.encode(text)
    assert SentencePieceTokenizer(model.getvalue()).decode([ids]) == [theirs.decode(ids)]

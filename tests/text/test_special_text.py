"""Special tokens that a text spells out, bytes that are no text, texts that go on."""

import re

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import FEW as CORPUS

from tftransformer.text import SentencePieceTokenizer, WordPieceTokenizer

ANY = st.text(st.sampled_from("Der Hund  Tür.<[é\n") | st.characters(codec="utf-8"), max_size=8)


def make(kind):
    if kind == "wordpiece":
        return WordPieceTokenizer.learn(CORPUS, 120, lower_case=True, special_tokens=["[MASK]"])
    name, normalization = kind.split()
    return SentencePieceTokenizer.learn(
        CORPUS, 300, kind=name, normalization=normalization, special_tokens=["<mask>", "<2de>"]
    )


@pytest.fixture(scope="module", params=["wordpiece", "bpe identity", "unigram nmt_nfkc"])
def tokenizer(request):
    return make(request.param)


@pytest.fixture(scope="module")
def names(tokenizer):
    special = range(6 if isinstance(tokenizer, SentencePieceTokenizer) else 5)
    return dict(zip(tokenizer.tokens(special), special, strict=True))


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_stands_around_special_tokens_is_cut_as_if_it_stood_alone(tokenizer, names, data):
    drawn = st.lists(ANY | st.sampled_from(sorted(names)) | st.just(" "), max_size=7)
    text = "".join(data.draw(drawn))
    pattern = "|".join(map(re.escape, names))
    ids, spans, words, at = [], [], [], 0
    for part in re.split(f"( ?(?:{pattern}) ?)", text):
        if part.strip(" ") in names:
            start = at + part.startswith(" ")
            ids.append(names[part.strip(" ")])
            spans.append((start, start + len(part.strip(" "))))
            words.append(max(words, default=-1) + 1)
        else:
            alone = tokenizer.encode([part])
            ids += alone.ids[0].tolist()
            spans += zip((alone.starts + at).tolist(), (alone.ends + at).tolist(), strict=True)
            words += (alone.words + max(words, default=-1) + 1).tolist()
        at += len(part)
    texts = ["", text, "Hund"]
    encoding = tokenizer.encode(texts, allow_special=True)
    assert encoding.ids[1].tolist() == ids
    here = slice(encoding.ids.row_splits[1], encoding.ids.row_splits[2])
    found = zip(encoding.starts[here].tolist(), encoding.ends[here].tolist(), strict=True)
    assert list(found) == spans
    assert encoding.words[here].tolist() == words
    assert tokenizer.encode(["Hund"]).ids[0].tolist() == encoding.ids[2].tolist()


@pytest.mark.slow_after(1)
def test_special_tokens_in_text_are_text_unless_asked_for(tokenizer, names):
    mask = tokenizer.tokens([tokenizer.special_ids["mask"]])[0]
    texts = [f"Der {mask} sieht{mask}."]
    graph = tf.function(tokenizer.tokenize)
    allowed = tf.function(lambda texts: tokenizer.tokenize(texts, allow_special=True))
    plain, special = graph(tf.constant(texts)), allowed(tf.constant(texts))
    assert not set(plain.to_list()[0]) & {*names.values()} - {tokenizer.special_ids["unk"]}
    assert special.to_list()[0].count(tokenizer.special_ids["mask"]) == 2
    assert tokenizer.encode(texts).ids.tolist() == plain.to_list()
    assert tokenizer.encode(texts, allow_special=True).ids.tolist() == special.to_list()


@pytest.mark.slow
def test_a_mask_in_a_sentence_by_hand():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "[", "]", "mask"]
    encoding = WordPieceTokenizer(pieces).encode(["the [MASK] cat"], allow_special=True)
    assert encoding.ids.tolist() == [[5, 4, 6]]
    assert (encoding.starts.tolist(), encoding.ends.tolist()) == ([0, 4, 11], [3, 10, 14])
    assert encoding.words.tolist() == [0, 1, 2]


def test_drawing_and_special_tokens_exclude_each_other():
    with pytest.raises(ValueError, match="leave out allow_special"):
        make("bpe identity").tokenize(["a"], sample=True, allow_special=True)


@pytest.mark.slow
@given(data=st.lists(st.binary(max_size=9), max_size=4))
@settings(max_examples=15, deadline=None)
def test_bytes_that_are_no_text_count_as_the_replacement_character(tokenizer, data):
    valid = tf.strings.unicode_transcode(tf.constant(data, tf.string), "UTF-8", "UTF-8")
    for form in (tokenizer.tokenize, lambda x: tokenizer.tokenize(x, allow_special=True)):
        assert form(tf.constant(data, tf.string)).to_list() == form(valid).to_list()
    places = tokenizer.tokenize_with_places(tf.constant(data, tf.string))
    of_valid = tokenizer.tokenize_with_places(valid)
    for name in places:
        assert places[name].to_list() == of_valid[name].to_list()


def test_outside_of_a_graph_bytes_are_an_error_that_says_what_to_do(tokenizer):
    with pytest.raises(ValueError, match=r"texts\[1\] is b'\\xff' \(bytes\).*decode\('utf-8'"):
        tokenizer.encode(["good", b"\xff"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe identity", "unigram nmt_nfkc"])
def test_a_continuation_keeps_the_blank_it_begins_with(kind):
    tokenizer = make(kind)
    graph = tf.function(
        lambda ids: tokenizer.detokenize(ids, continues=True),
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    for text in CORPUS[::11]:
        ids = tokenizer.encode([text]).ids[0]
        for cut in range(len(ids)):
            begun, rest = (
                tokenizer.decode([ids[:cut]]),
                tokenizer.decode([ids[cut:]], continues=cut > 0),
            )
            assert begun[0] + rest[0] == text
            if cut:
                assert graph(tf.constant(ids[None, cut:])).numpy()[0].decode() == rest[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wordpiece", "bpe identity", "unigram nmt_nfkc"])
def test_a_million_characters_without_a_blank_take_no_more_than_their_time(kind):
    """Were a step quadratic, this would not end."""
    tokenizer = make(kind)
    for text in ("e" * 10**6, "ü\u0301" * (10**6 // 2), "[MASK" * (10**6 // 5), "😀!" * 500_000):
        ids = tokenizer.encode([text]).ids
        assert tokenizer.encode([text], allow_special=True).ids.tolist() == ids.tolist()
        assert tokenizer.tokenize(tf.constant([text])).to_list() == ids.tolist()
        # A mark that is stripped at the end of a text is in no place.
        assert tokenizer.encode([text]).ends[-1] >= len(text) - 1

"""SentencePieceTokenizer: what goes in comes out, in the graph and outside of it."""

import concurrent.futures
import re

import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import MANY as CORPUS

from tftransformer.text import SentencePieceTokenizer

KINDS = ("bpe", "unigram")
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
HARD = (
    "",
    " ",
    "  two  leading, trailing   ",
    "tab\tnew\nline\r\n",
    "\x00NUL \x1b\x7f\x85",
    "\ufeffBOM\ufffe\uffff\U0010ffff",
    "e\u0301 is not é; ﬁ² Ａ\u00a0\u2028",
    "😀👩‍👩‍👧 漢字 עברית",
    "<pad></s><s><unk><0x41> <mask>",
)


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return SentencePieceTokenizer.learn(
        CORPUS, 320, kind=request.param, special_tokens=["<mask>"], sampling_alpha=0.3
    )


@pytest.fixture(scope="module")
def reference(tokenizer):
    return sentencepiece.SentencePieceProcessor(model_proto=tokenizer.vocabulary())


def test_ids_are_where_everybody_expects_them(tokenizer):
    assert tokenizer.special_ids == {"pad": 0, "unk": 1, "start": 2, "end": 3, "mask": 4}
    assert tokenizer.id_of("<mask>") == 4
    assert tokenizer.vocab_size == 320
    with pytest.raises(ValueError, match="nowhere"):
        tokenizer.id_of("nowhere")


@pytest.mark.parametrize("text", HARD)
def test_hard_text_comes_back_as_it_was(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode([text]).ids) == [text]


@pytest.mark.slow
@given(texts=st.lists(ANY_TEXT, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text_comes_back_and_the_ways_agree(tokenizer, reference, texts):
    """Graph = eager = the sentencepiece library; ids of special tokens never appear."""
    ids = tokenizer.encode(texts).ids.tolist()
    assert ids == reference.encode(texts)
    assert tokenizer.tokenize(tf.constant(texts, tf.string)).to_list() == ids
    back = tokenizer.decode(ids)
    assert back == [text.replace("▁", "_") for text in texts]
    assert back == (reference.decode(ids) if ids else [])
    assert not {i for row in ids for i in row} & {0, 1, 2, 3, 4}


@given(data=st.lists(st.binary(), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_bytes_that_are_no_text_do_no_harm(tokenizer, data):
    tokenizer.detokenize(tokenizer.tokenize(tf.constant(data))).numpy()[0].decode()


@pytest.mark.slow_after(1)
@given(ids=st.lists(st.lists(st.integers(0, 319)), max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_ids_make_valid_text(tokenizer, ids):
    assert len(tokenizer.decode(ids)) == len(ids)


def test_detokenize_drops_special_tokens_from_dense_ids_in_a_graph(tokenizer):
    a, b = tokenizer.encode(["Der Hund sieht", "Tür"]).ids
    width = max(len(a), len(b)) + 3
    rows = [([2, *row, 3] + [0] * width)[:width] for row in (a, b)]
    graph = tf.function(tokenizer.detokenize)
    assert graph(tf.constant(rows)).numpy().tolist() == [b"Der Hund sieht", "Tür".encode()]
    assert tokenizer.decode([[0, 3], []]) == ["", ""]


def test_an_id_outside_the_vocabulary_is_an_error(tokenizer):
    for outside in (-1, tokenizer.vocab_size):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tokenizer.decode([[outside]])


@pytest.mark.slow_after(1)
def test_setting_the_seed_leaves_the_tokenizer_alive(tokenizer):
    """TensorFlow drops its kernels then, and with them resources that only a kernel owns."""
    graph = tf.function(tokenizer.tokenize)
    before = graph(tf.constant(["Das Mädchen"])).to_list()
    tf.random.set_seed(1)
    assert graph(tf.constant(["Das Mädchen"])).to_list() == before
    assert tokenizer.tokenize(["Das Mädchen"]).to_list() == before


def test_tokens_are_readable(tokenizer):
    ids = tokenizer.encode(["Hund ☃"]).ids[0]
    tokens = tokenizer.tokens([2, *ids])
    assert tokens[0] == "<s>"
    assert tokens[-3:] == ["<0xE2>", "<0x98>", "<0x83>"]
    assert "".join(tokens[1:-3]) == "▁Hund▁"


def test_encode_packs_all_rows_into_flat_arrays(tokenizer):
    texts = ["Der Hund", "", "die grüne Tür"]
    encoding = tokenizer.encode(texts)
    assert len(encoding) == len(texts)
    assert (encoding.ids.values.dtype, encoding.ids.row_splits.dtype) == ("int32", "int64")
    assert encoding.ids.tolist() == [tokenizer.encode([text]).ids[0].tolist() for text in texts]
    none = tokenizer.encode([]).ids
    assert (none.values.shape, none.values.dtype, none.row_splits.tolist()) == ((0,), "int32", [0])


def test_sample_is_a_pure_function_of_texts_and_seed(tokenizer):
    texts = CORPUS[::9]
    first = tokenizer.sample(texts, (7, 1)).tolist()
    tokenizer.sample(texts, 99)
    tokenizer.tokenize(tf.constant(texts), sample=True)
    assert tokenizer.sample(texts, (7, 1)).tolist() == first
    assert tokenizer.sample(texts, (7, 2)).tolist() != first
    assert tokenizer.decode(first) == texts
    assert first != tokenizer.encode(texts).ids.tolist()


def test_sample_is_the_same_from_many_threads(tokenizer):
    def drawn(seed):
        return tokenizer.sample(CORPUS, seed).tolist()

    expected = [drawn(seed) for seed in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(drawn, range(8))) == expected


def test_sampling_in_the_graph_varies_and_comes_back(tokenizer):
    graph = tf.function(lambda texts: tokenizer.tokenize(texts, sample=True))
    drawn = [graph(tf.constant(CORPUS)) for _ in range(2)]
    assert drawn[0].to_list() != drawn[1].to_list()
    assert [text.decode() for text in tokenizer.detokenize(drawn[0]).numpy()] == CORPUS


def test_bpe_dropout_of_zero_and_one():
    never = SentencePieceTokenizer.learn(CORPUS, 320, kind="bpe", sampling_alpha=0.0)
    assert never.sample(CORPUS, 1).tolist() == never.encode(CORPUS).ids.tolist()
    always = SentencePieceTokenizer(never.vocabulary(), sampling_alpha=1.0)
    assert max(len(t) for row in always.sample(CORPUS, 1) for t in always.tokens(row)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_learning_is_reproducible(kind):
    models = {SentencePieceTokenizer.learn(iter(CORPUS), 320, kind=kind).vocabulary() for _ in "ab"}
    assert len(models) == 1


def test_without_byte_fallback_the_unknown_is_unknown():
    tokenizer = SentencePieceTokenizer.learn(CORPUS, 80, byte_fallback=False)
    ids = tokenizer.encode(["Tür ☃ Baum"]).ids
    assert 1 in ids[0]
    assert tokenizer.decode(ids) == ["Tür  ⁇  Baum"]


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ("identity", "  Süß  ﬁ\u00ad² "),
        ("nfkc", "Süß fi\u00ad2"),
        ("nmt_nfkc", "Süß fi\u00ad2"),
        ("nfkc_cf", "süß fi\u00ad2"),
        ("nmt_nfkc_cf", "süß fi\u00ad2"),
    ],
)
def test_normalization_is_what_the_description_says(normalization, expected):
    tokenizer = SentencePieceTokenizer.learn(CORPUS, 320, normalization=normalization)
    ids = tokenizer.encode(["  Süß  ﬁ\u00ad² "]).ids
    assert tokenizer.decode(ids) == [expected]
    assert tokenizer.tokenize(["  Süß  ﬁ\u00ad² "]).to_list() == ids.tolist()


def test_very_long_texts_are_learnt_from():
    tokenizer = SentencePieceTokenizer.learn([*CORPUS, "quagga " * 2000], 320)
    assert tokenizer.id_of("▁quagga")


def test_learning_is_silent(capfd):
    SentencePieceTokenizer.learn(CORPUS, 320).tokenize(["a"])
    output = capfd.readouterr()
    assert (output.out, output.err) == ("", "")


@pytest.mark.parametrize(
    ("texts", "vocab_size", "options", "message"),
    [
        ([], 320, {}, "nothing to learn from: 0 texts"),
        (["", " \n"], 320, {}, "nothing to learn from: 2 texts"),
        ("one text", 320, {}, "in a list"),
        (["good", None], 320, {}, r"texts\[1\] is None"),
        (["good", float("nan")], 320, {}, r"texts\[1\] is nan \(float\)"),
        (["good", "bad\ud800"], 320, {}, r"texts\[1\] holds a lone surrogate \(at character 3\)"),
        (CORPUS, 260, {}, "no room"),
        (CORPUS, 261, {}, r"\d+ characters \+ 4 special tokens \+ 256 bytes alone take \d{3};"),
        (CORPUS, 50_000, {}, r"at most \d+"),
        (CORPUS, 320, {"kind": "word"}, "kind='word' .* bpe, unigram"),
        (CORPUS, 320, {"normalization": "nfc"}, "one of identity"),
        (CORPUS, 320, {"character_coverage": 0.5}, "between 0.98 and 1"),
        (CORPUS, 320, {"sampling_alpha": 2.0}, "between 0 and 1"),
    ],
)
def test_learning_says_what_is_wrong(texts, vocab_size, options, message):
    with pytest.raises(ValueError, match=message):
        SentencePieceTokenizer.learn(texts, vocab_size, **options)


def test_the_largest_vocabulary_named_is_possible():
    with pytest.raises(ValueError) as error:
        SentencePieceTokenizer.learn(CORPUS, 50_000)
    largest = int(re.search(r"at most (\d+)", str(error.value))[1])
    assert SentencePieceTokenizer.learn(CORPUS, largest).vocab_size == largest


def test_encoding_says_which_text_is_wrong(tokenizer):
    for wrong, message in ((None, "None"), ("\udfff", "surrogate"), (b"bytes", "bytes")):
        with pytest.raises(ValueError, match=rf"texts\[1\].*{message}"):
            tokenizer.encode(["good", wrong])


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        SentencePieceTokenizer(b"nonsense")

"""Tokenizers that come to know further tokens: whole, behind all that they knew."""

import pickle
import string

import pytest
import tensorflow as tf
from tokenizer_texts import FEW as CORPUS

from tftransformer.text import (
    BpeTokenizer,
    ByteBpeTokenizer,
    SentencePieceTokenizer,
    WordPieceTokenizer,
    load_tokenizer,
)
from tftransformer.text.byte_bpe_tokenizer import LETTERS

OTHERS = [*CORPUS, "", " ", "  a   b ", "Zwölf №5 ﬁne 北京 🎈!", "zebr a ouse", "\U0010fffe", "x▁y"]
NEW = ["zebra", "zebra fish", "<url>", "Mäx", "covid-19", "ouse"]
TEXT = "A zebra sees <url>, Mäx and a zebra fish: covid-19"


def made(kind):
    if kind == "wordpiece":
        return WordPieceTokenizer.learn([*CORPUS, ":,"], 150, special_tokens=["[MASK]"])
    if kind == "bpe":
        letters = sorted({*"".join(CORPUS), *string.ascii_letters, *":,19-"} - {" "})
        pieces = ["<unk>", *letters, *(f"{x}</w>" for x in letters), "th", "the</w>"]
        return BpeTokenizer(pieces, [("t", "h"), ("th", "e</w>")], lower_case=False)
    if kind == "byte bpe":
        pieces = [*LETTERS, "Ġt", "Ġth", "<end>"]
        special = {"token": {"content": "<end>", "id": 258, "special": True}}
        return ByteBpeTokenizer(
            pieces,
            [("Ġ", "t"), ("Ġt", "h")],
            special_ids={"end": 258},
            added_tokens=[special["token"]],
        )
    name, normalization = kind.split()
    return SentencePieceTokenizer.learn(
        CORPUS, 305, kind=name, normalization=normalization, special_tokens=["<mask>"]
    )


EXACT = ["byte bpe", "bpe identity", "unigram identity", "bpe nmt_nfkc", "unigram nmt_nfkc"]


@pytest.fixture(scope="module", params=["wordpiece", "bpe", *EXACT])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def known(kind):
    return made(kind)


@pytest.fixture(scope="module")
def grown(known):
    return known.with_tokens(NEW[:2]).with_tokens(NEW[2:])


def rows(encoding):
    columns = (encoding.starts, encoding.ends, encoding.words)
    return encoding.ids.tolist(), *(column.tolist() for column in columns)


@pytest.mark.slow
def test_what_was_known_stays(known, grown):
    size = known.vocab_size
    assert grown.vocab_size == size + len(NEW)
    assert grown.tokens(range(size)) == known.tokens(range(size))
    assert grown.tokens(range(size, size + len(NEW))) == NEW
    assert grown.special_ids == known.special_ids
    settings = grown.get_settings()
    assert settings.pop("further_tokens") == NEW
    assert settings == known.get_settings()
    texts = [text for text in OTHERS if not any(token in text for token in NEW)]
    assert len(texts) > 30
    for allowed in (False, True):
        spelled = [*texts, *(f"Der {name} Hund" for name in known.tokens(range(5)))]
        expected = known.encode(spelled, allow_special=allowed)
        assert rows(grown.encode(spelled, allow_special=allowed)) == rows(expected)
    ids = known.encode(texts).ids
    assert grown.decode(ids, keep_special=True) == known.decode(ids, keep_special=True)


@pytest.mark.slow_after(1)
def test_a_token_is_whole_wherever_it_stands_and_the_text_comes_back(kind, known, grown):
    encoding = grown.encode([TEXT, "zebra", "a zebra"])
    first, *others = encoding.ids.tolist()
    new = [i for i in first if i >= known.vocab_size]
    assert grown.tokens(new) == ["zebra", "<url>", "Mäx", "zebra fish", "covid-19"]
    assert all(row[-1] == known.vocab_size for row in others)
    for place, number in enumerate(first):
        if number in new:
            here = TEXT[encoding.starts[place] : encoding.ends[place]]
            assert here.strip(" ") == grown.tokens([number])[0]
    decoded = grown.decode(encoding.ids)
    if kind in EXACT:
        assert decoded == [TEXT, "zebra", "a zebra"]
    else:
        assert decoded[0].replace(" ,", ",").replace(" :", ":") == TEXT
        assert decoded[1:] == ["zebra", "a zebra"]


@pytest.mark.slow
def test_in_a_graph_it_is_the_same(grown, tmp_path):
    texts = [TEXT, *OTHERS, "zebras", "azebra!", "Mäx<url>Mäx", "\U0010ffff zebra", "houses"]
    encoding = grown.encode(texts)
    spec = [tf.TensorSpec([None], tf.string)]
    graph = tf.function(grown.tokenize_with_places, input_signature=spec, autograph=False)
    found = graph(tf.constant(texts))
    assert found["ids"].to_list() == encoding.ids.tolist()
    for name in ("starts", "ends", "words"):
        assert found[name].flat_values.numpy().tolist() == getattr(encoding, name).tolist()
    module = tf.Module()
    module.tokenizer = grown
    module.cut = tf.function(
        lambda texts: grown.tokenize(texts).to_tensor(), input_signature=spec, autograph=False
    )
    tf.saved_model.save(module, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).cut(tf.constant([TEXT]))
    assert served.numpy().tolist() == encoding.ids.tolist()[:1]


@pytest.mark.slow
def test_saved_and_copied_it_is_the_same(grown, tmp_path):
    grown.save(tmp_path)
    for again in (load_tokenizer(tmp_path), pickle.loads(pickle.dumps(grown))):
        assert type(again) is type(grown)
        assert again.get_settings() == grown.get_settings()
        assert rows(again.encode([TEXT, *OTHERS])) == rows(grown.encode([TEXT, *OTHERS]))


@pytest.mark.slow_after(1)
def test_words_count_within_others_only_where_texts_are_not_cut_into_words(kind, known, grown):
    ids = grown.encode(["zebras houses x<url>y"]).ids.tolist()[0]
    found = grown.tokens([i for i in ids if i >= known.vocab_size])
    assert found == (["zebra", "ouse", "<url>"] if kind in EXACT else ["<url>"])


@pytest.mark.slow
@pytest.mark.parametrize("kind_of_model", ["bpe", "unigram"])
def test_drawn_segmentations_leave_a_token_whole(kind_of_model):
    tokenizer = SentencePieceTokenizer.learn(CORPUS, 305, kind=kind_of_model, sampling_alpha=0.4)
    grown = tokenizer.with_tokens(["zebra"])
    texts = ["A zebra sieht einen großen Baum, zebras three old houses"] * 20
    drawn = grown.sample(texts, 3)
    assert len({tuple(row) for row in drawn.tolist()}) > 5
    assert grown.decode(drawn) == texts
    assert all(row.count(305) == 2 for row in drawn.tolist())
    assert all(row.count(305) == 2 for row in grown.tokenize(texts, sample=True).to_list())


def test_in_lower_case_a_token_counts_in_either():
    tokenizer = WordPieceTokenizer(["[UNK]", "a"], lower_case=True).with_tokens(["zebra"])
    assert tokenizer.encode(["A Zebra ZEBRA zebra"]).ids.tolist() == [[1, 2, 2, 2]]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["x", ""], r"tokens\[1\] is '': a token is not empty"),
        ([" zebra"], "neither begins nor ends with white space"),
        (["<mask>"], "'<mask>': this is a special token"),
        (["<unk>"], "'<unk>': this is a special token"),
        (["zebra", "zebra"], "given twice"),
        (["D"], r"known, by the id \d+ \('D'\)"),
        (["<0x41>"], "known, by the id"),
        ("zebra", r"put it in a list: \[text\]"),
        ([3], r"texts\[0\] is 3 \(int\)"),
    ],
)
def test_what_cannot_become_a_token_is_said(tokens, message):
    tokenizer = made("bpe identity")
    with pytest.raises(ValueError, match=message):
        tokenizer.with_tokens(tokens)
    again = tokenizer.with_tokens(["zebra"])
    with pytest.raises(ValueError, match="'zebra': it is known, by the id 305"):
        again.with_tokens(["zebra"])


def test_a_word_that_is_one_piece_is_known():
    with pytest.raises(ValueError, match=r"'the': it is known, by the id \d+ \('the</w>'\)"):
        made("bpe").with_tokens(["the"])


@pytest.mark.parametrize("kind_of_tokenizer", ["bpe", "byte bpe", "bpe identity"])
def test_an_added_token_outside_the_pieces_is_refused_by_its_id(kind_of_tokenizer):
    tokenizer = made(kind_of_tokenizer)
    token = {"content": "zebra", "id": 400}
    settings = {**tokenizer.get_settings(), "added_tokens": [token]}
    with pytest.raises(ValueError, match=r"'zebra' has the id 400, .*with_tokens"):
        type(tokenizer).from_vocabulary(tokenizer.vocabulary(), settings)

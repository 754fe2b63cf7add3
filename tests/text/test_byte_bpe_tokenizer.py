"""ByteBpeTokenizer: equal to the `tokenizers` package in ids, places, words and texts."""

import functools
import json

import bare_process
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from tftransformer.text import AddedToken, ByteBpeTokenizer
from tftransformer.text.byte_bpe_tokenizer import LETTERS
from tftransformer.text.cutting import GPT2, LLAMA3

CORPUS = [
    "The cat that they'd seen wasn't there: 1999, 2024 and 31415926 of THEM.",
    "Der größte Hund läßt die Katze — die Katze — nicht in das Haus!!! ... (so ist es)",
    "日本語のテキスト、カタカナー and  two   blanks\n\n\n  and\tlines\r\n😀😀 hello",
] * 3
SIGNS = [
    *"aeinostHT",
    *"'\"-.,!(",
    *["'s", "'re", "'LL", "'ſ", "the ", " the", "——", "...", "12", "１", "²", "Ⅷ", "४"],
    *[
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\x0b",
        "\x85",
        "\xa0",
        "\u1680",
        "\u2003",
        "\u2028",
        "\u3000",
    ],
    *[
        "\u200b",
        "\ufeff",
        "\0",
        "\x1c",
        "é",
        "e\u0301",
        "\u0323",
        "ß",
        "ﬁ",
        "日本",
        "テ",
        "ー",
        "각",
        "가",
    ],
    *["😀", "👩\u200d👩", "\ufffd", "\U00010d4e", "\U0003134f", "\u1c89", "\U0010ffff", "Ġ", "Ĵ"],
    *["<s>", "<mask>", "    ", "|||", "<r>"],
]
ADDED = (
    AddedToken("<s>", 0, special=True, normalized=False),
    AddedToken("<mask>", 0, special=True, normalized=False, lstrip=True),
    AddedToken("    ", 0),
    AddedToken("  ", 0),
    AddedToken("|||", 0, single_word=True),
    AddedToken("<r>", 0, normalized=False, lstrip=True, rstrip=True),
)
SETTINGS = {
    "gpt2": {"trim_offsets": False},
    "roberta": {"add_prefix_space": True, "added": (*ADDED[:2], ADDED[5])},
    "llama3": {"expressions": (LLAMA3,), "ignore_merges": True, "keep_first_space": True},
    "modernbert": {"normalization": "nfc", "trim_offsets": False, "added": ADDED},
    "digits": {"expressions": (r"\p{N}", GPT2), "added": ADDED[2:4]},
}
anything = st.lists(
    st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs"])), max_size=25
).map("".join)


@functools.cache
def pair(name):
    """A tokenizer of ours and the same one of the `tokenizers` package."""
    given = dict(SETTINGS[name])
    added = given.pop("added", ())
    expressions = given.get("expressions", (GPT2,))
    reference = tokenizers.Tokenizer(models.BPE(ignore_merges=given.get("ignore_merges", False)))
    splits = [
        pre_tokenizers.Split(tokenizers.Regex(x), "isolated") for x in expressions if x != GPT2
    ]
    prefix = given.get("add_prefix_space", False)
    last = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=GPT2 in expressions)
    reference.pre_tokenizer = pre_tokenizers.Sequence([*splits, last])
    if given.get("trim_offsets", True):
        keeps = given.get("keep_first_space", prefix)
        reference.post_processor = processors.ByteLevel(add_prefix_space=keeps, trim_offsets=True)
    if "normalization" in given:
        reference.normalizer = normalizers.NFC()
    reference.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=[], show_progress=False
    )
    reference.train_from_iterator(CORPUS, trainer)
    reference.add_tokens(
        [
            tokenizers.AddedToken(
                x.content,
                single_word=x.single_word,
                lstrip=x.lstrip,
                rstrip=x.rstrip,
                normalized=x.normalized,
                special=x.special,
            )
            for x in added
        ]
    )
    ids = reference.get_vocab(with_added_tokens=True)
    merges = [tuple(merge) for merge in json.loads(reference.to_str())["model"]["merges"]]
    added = [AddedToken(**{**vars(x), "id": ids[x.content]}) for x in added]
    return ByteBpeTokenizer(
        sorted(ids, key=ids.get), merges, added_tokens=added, **given
    ), reference


def _model(reference):
    import json

    return json.loads(reference.to_str())["model"]


def assert_equal(name, texts, allow_special=False):
    ours, reference = pair(name)
    reference.encode_special_tokens = not allow_special
    encoding = ours.encode(texts, allow_special=allow_special)
    expected = reference.encode_batch(texts, add_special_tokens=False)
    assert encoding.ids.tolist() == [x.ids for x in expected]
    places = list(zip(encoding.starts.tolist(), encoding.ends.tolist(), strict=True))
    assert places == [place for x in expected for place in x.offsets]
    assert encoding.words.tolist() == [word for x in expected for word in x.word_ids]
    decoded = [reference.decode(x.ids, skip_special_tokens=False) for x in expected]
    assert ours.decode(encoding.ids, keep_special=True) == decoded


@pytest.mark.slow
def test_no_word_touches_a_token_behind_the_blanks_that_it_takes_along():
    token = AddedToken("|||", 300, single_word=True, lstrip=True, rstrip=True)
    alphabet = [*pre_tokenizers.ByteLevel.alphabet()]
    filled = [*alphabet, "ab"]
    filled += [f"piece {i}" for i in range(len(filled), 300)]
    tokenizer = ByteBpeTokenizer([*filled, "|||"], [("a", "b")], added_tokens=[token])
    found = tokenizer.encode(["||| a", "a |||", "a  ||| a", "|||a", "a|||", "|||"]).ids
    assert [300 in row for row in found.tolist()] == [True, True, True, False, False, True]


@pytest.mark.slow
def test_every_character_beside_a_token_that_is_a_word_parts_it_or_not_as_in_the_reference():
    ours, reference = pair("modernbert")
    # All planes that have characters.
    for first in (*range(0, 0x33000, 0x3000), 0xE0000):
        texts = [f"|||{chr(i)}" for i in range(first, first + 0x3000) if not 0xD800 <= i < 0xE000]
        expected = reference.encode_batch(texts, add_special_tokens=False)
        assert ours.encode(texts).ids.tolist() == [x.ids for x in expected]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
@given(texts=st.lists(anything, max_size=30))
@settings(max_examples=10, deadline=None)
def test_equals_the_reference(name, texts):
    assert_equal(name, texts)
    assert_equal(name, texts, allow_special=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
@given(texts=st.lists(anything, min_size=150, max_size=250))
@settings(max_examples=100, deadline=None)
def test_equals_the_reference_on_twenty_thousand_texts(name, texts):
    assert_equal(name, texts)


UNITS = ["a", " ", "\n", " \t\n", "7", "—", "the", "日本語", "😀", "theyweren", "-=", "1a "]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama3"])
@pytest.mark.parametrize(
    ("length", "unit"),
    [*((50_000, unit) for unit in UNITS), *((1_000_000, unit) for unit in ("a", " ", "—"))],
)
def test_long_texts_of_one_kind_equal_the_reference(name, length, unit):
    text = unit * (length // len(unit))
    assert_equal(name, [text, f"{text}x", "short"])


@pytest.mark.slow
@given(texts=st.lists(st.binary(max_size=12), max_size=9))
@settings(max_examples=10, deadline=None)
def test_bytes_that_are_no_text_count_as_replacement_characters(texts):
    ours, _ = pair("gpt2")
    valid = (
        [text.decode() for text in tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8").numpy()]
        if texts
        else []
    )
    assert ours.tokenize(tf.constant(texts, tf.string)).to_list() == ours.encode(valid).ids.tolist()


@given(ids=st.lists(st.integers(0, 399), max_size=12))
@settings(max_examples=30, deadline=None)
def test_any_ids_decode_as_in_the_reference(ids):
    ours, reference = pair("gpt2")
    assert ours.decode([ids]) == [reference.decode(ids)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["roberta", "modernbert"])
def test_special_tokens_come_out_of_text_only_where_they_are_asked_for(name):
    ours, _ = pair(name)
    special = {token.id for token in ours.added_tokens if token.special}
    text = "a <mask><s>"
    assert not special & {*ours.encode([text]).ids.values.tolist()}
    assert special <= {*ours.encode([text], allow_special=True).ids.values.tolist()}
    assert ours.decode(ours.encode([text], allow_special=True).ids).pop().strip() == "a"


@pytest.mark.slow
def test_the_graph_equals_the_object_in_a_process_that_has_tensorflow_alone(tmp_path):
    module = tf.Module()
    module.first, module.second = (pair(name)[0] for name in ("modernbert", "roberta"))
    texts = ["The cat", "", "e\u0301 🙂  日本\n\nx", "a" * 1000, "it's <mask>"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(texts):
        first = module.first.tokenize_with_places(texts)
        found = {name: column.to_tensor(-1) for name, column in first.items()}
        second = module.second.tokenize(texts, allow_special=True)
        return found | {"second": second.to_tensor(-1), "text": module.second.detokenize(second)}

    tf.saved_model.save(module, str(tmp_path), signatures=serve)
    ways = bare_process.served(
        {tmp_path: {"texts": texts}}, asks_nothing=True, has_tensorflow_text=False
    )
    expected = {name: value.numpy().tolist() for name, value in serve(tf.constant(texts)).items()}
    expected["text"] = [text.decode() for text in expected["text"]]
    assert ways == {str(tmp_path): [expected, expected]}
    encoding = module.first.encode(texts)
    assert [[i for i in row if i >= 0] for row in expected["ids"]] == encoding.ids.tolist()
    assert [i for row in expected["starts"] for i in row if i >= 0] == encoding.starts.tolist()
    piped = tf.data.Dataset.from_tensors(texts).map(module.first.tokenize)
    assert next(iter(piped)).to_list() == encoding.ids.tolist()


@pytest.mark.slow
def test_without_merges_a_text_is_its_bytes():
    tokenizer = ByteBpeTokenizer([*LETTERS], [])
    (ids,) = tokenizer.encode(["to ä"]).ids.tolist()
    assert tokenizer.tokens(ids) == ["t", "o", "Ġ", "Ã", "¤"]
    assert tokenizer.decode([ids]) == ["to ä"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pieces": ["a", "b"]}, r"lacks the bytes \['!'"),
        ({"merges": [("a", "b")]}, "a merge needs the piece 'ab'"),
        ({"normalization": "nfkd"}, "normalization='nfkd' was given; expected one of None, nfc"),
        ({"expressions": [r"a(?=b)"]}, r"'\(\?='.*look ahead only"),
        ({"expressions": ["(a"]}, r"RE2 does not take the expression '\(a'"),
        ({"expressions": [r"\p{Greek}"]}, "the class of characters 'Greek' is not known"),
        ({"special_ids": {"pad": 300}}, "outside the vocabulary"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ByteBpeTokenizer(**{"pieces": [*LETTERS], "merges": []} | change)

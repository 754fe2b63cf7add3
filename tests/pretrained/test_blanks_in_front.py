"""Blanks that a tokenizer.json of SentencePiece puts in front of texts, and behind added tokens.

What is expected is what the `tokenizers` package makes of the same files.
"""

import pytest
import tensorflow as tf
from learnt_tokenizers import write_files

from tftransformer.core import Ragged
from tftransformer.pretrained import read_tokenizer, save_tokenizer

PIECES = ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a"]
CONFIG = {"tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>", "bos_token": "<s>"}
PREPENDED = {"type": "Prepend", "prepend": "▁"}
BLANKS = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
TEXTS = ["a", " a", " ", "", "a <x> a", "<x>a", "a<x>ba</s>a"]
# Of each text the pieces, and where they stand.
ALIKE = {" a": ("▁a", [(0, 2)]), " ": ("▁", [(0, 1)]), "": ("", [])}
AT_ENDS = [(0, 1), (1, 2), (2, 5), (5, 7)]
EXPECTED = {
    "always": {
        "a": ("▁a", [(0, 1)]),
        "a <x> a": ("▁a ▁ <x> ▁a", AT_ENDS),
        "<x>a": ("<x> ▁a", [(0, 3), (3, 4)]),
        "a<x>ba</s>a": (
            "▁a <x> ▁ b a </s> ▁a",
            [(0, 1), (1, 4), (4, 5), (4, 5), (5, 6), (6, 10), (10, 11)],
        ),
    },
    "first": {
        "a": ("▁a", [(0, 1)]),
        "a <x> a": ("▁a ▁ <x> ▁a", AT_ENDS),
        "<x>a": ("<x> a", [(0, 3), (3, 4)]),
        "a<x>ba</s>a": (
            "▁a <x> b a </s> a",
            [(0, 1), (1, 4), (4, 5), (5, 6), (6, 10), (10, 11)],
        ),
    },
    "never": {
        "a": ("a", [(0, 1)]),
        "a <x> a": ("a ▁ <x> ▁a", AT_ENDS),
        "<x>a": ("<x> a", [(0, 3), (3, 4)]),
        "a<x>ba</s>a": (
            "a <x> b a </s> a",
            [(0, 1), (1, 4), (4, 5), (5, 6), (6, 10), (10, 11)],
        ),
    },
}


def metaspace(scheme):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": False}


def content(*, normalizers=(), pre_tokenizers=(), normalized=False):
    def added(number, name, special, normalized=False):
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        return {"id": number, "content": name, "special": special, "normalized": normalized} | flags

    special = [added(number, PIECES[number], True) for number in range(3)]
    steps = {"normalizers": [*normalizers]}, {"pretokenizers": [*pre_tokenizers]}
    return {
        "added_tokens": [*special, added(len(PIECES), "<x>", False, normalized)],
        "normalizer": {"type": "Sequence", **steps[0]},
        "pre_tokenizer": {"type": "Sequence", **steps[1]},
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "vocab": {piece: number for number, piece in enumerate(PIECES)},
            "merges": ["▁ a"],
        },
    }


def folder_of(path, **options):
    return write_files(path, tokenizer_json=content(**options), tokenizer_config=CONFIG)


def said(tokenizer, texts):
    """Of each text its pieces and their places, which are the same in a graph."""
    encoding = tokenizer.encode(texts, allow_special=True)
    assert tokenizer.tokenize(tf.constant(texts), allow_special=True).to_list() == (
        encoding.ids.tolist()
    )
    starts, ends = (
        Ragged(places, encoding.ids.row_splits).tolist()
        for places in (encoding.starts, encoding.ends)
    )
    return {
        text: (" ".join(tokenizer.tokens(ids)), [*zip(start, end, strict=True)])
        for text, ids, start, end in zip(texts, encoding.ids.tolist(), starts, ends, strict=True)
    }


@pytest.mark.parametrize("scheme", EXPECTED)
def test_a_blank_is_put_in_front_as_the_scheme_says(scheme, tmp_path):
    folder = folder_of(tmp_path / "one", pre_tokenizers=[metaspace(scheme)])
    read = read_tokenizer(folder)
    assert said(read.tokenizer, TEXTS) == ALIKE | EXPECTED[scheme]
    save_tokenizer(read, tmp_path / "two")
    again = read_tokenizer(tmp_path / "two").tokenizer
    assert said(again, TEXTS) == ALIKE | EXPECTED[scheme]


@pytest.mark.parametrize("scheme", EXPECTED)
def test_a_blank_that_is_prepended_comes_whatever_the_scheme_says(scheme, tmp_path):
    steps = {"normalizers": [PREPENDED, BLANKS], "pre_tokenizers": [metaspace(scheme)]}
    tokenizer = read_tokenizer(folder_of(tmp_path, **steps)).tokenizer
    assert [pieces for pieces, _ in said(tokenizer, ["a", " a"]).values()] == ["▁a", "▁ ▁a"]


@pytest.mark.parametrize("scheme", ["first", "never"])
def test_words_that_lose_their_blanks_are_refused(scheme, tmp_path):
    steps = [{"type": "WhitespaceSplit"}, metaspace(scheme)]
    with pytest.raises(ValueError, match=f"prepend_scheme='{scheme}' behind WhitespaceSplit"):
        read_tokenizer(folder_of(tmp_path, pre_tokenizers=steps))


def test_of_a_token_that_is_looked_for_behind_a_prepended_blank_is_warned(tmp_path):
    steps = {"normalizers": [PREPENDED, BLANKS]}
    with pytest.warns(UserWarning, match="'<x>' counts wherever it stands"):
        read_tokenizer(folder_of(tmp_path / "one", **steps, normalized=True))
    read_tokenizer(folder_of(tmp_path / "two", **steps))


def test_a_token_that_ends_with_a_blank_takes_further_ones_along(tmp_path):
    steps = content(pre_tokenizers=[metaspace("never")])
    steps["added_tokens"][-1] |= {"content": "b ", "rstrip": True}
    tokenizer = read_tokenizer(
        write_files(tmp_path, tokenizer_json=steps, tokenizer_config=CONFIG)
    ).tokenizer
    expected = {"b   a": ("b  a", [(0, 4), (4, 5)]), "b a": ("b  a", [(0, 2), (2, 3)])}
    assert said(tokenizer, [*expected]) == expected

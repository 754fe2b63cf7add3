"""Gemma's tokenizer.json: BPE over raw text, cut at blanks that are none, a tab for its byte."""

import json

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from tftransformer.pretrained import read_tokenizer, save_tokenizer

TEXTS = [
    "the hen",
    "  the  tin\t\thut\t",
    "",
    " ",
    "a\tb",
    "naïve 北京 🎈",
    "then\n\nthe ten",
    "\t\t\t",
]
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]
LETTERS = ["▁", "t", "h", "e", "n", "i", "u"]
MADE = ["\t\t", "th", "the", "▁t", "en", "hen", "▁th", "▁the", "▁▁"]


@pytest.fixture
def package():
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    names = [*SPECIAL, *("\t" if name == "<0x09>" else name for name in bytes_), *LETTERS, *MADE]
    vocab = {name: number for number, name in enumerate(names)}
    merges = [
        (made[:place], made[place:])
        for made in MADE
        for place in range(1, len(made))
        if {made[:place], made[place:]} <= vocab.keys()
    ]
    model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
    ])  # fmt: skip
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    return tokenizer


@pytest.fixture
def folder(package, tmp_path):
    package.save(str(tmp_path / "tokenizer.json"))
    named = {name.strip("<>") + "_token": name for name in SPECIAL}
    settings = {"tokenizer_class": "GemmaTokenizerFast", **named}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return tmp_path


def test_ids_and_texts_are_those_of_the_package(package, folder):
    tokenizer = read_tokenizer(folder).tokenizer
    for text, ids in zip(TEXTS, tokenizer.encode(TEXTS).ids, strict=True):
        wanted = package.encode(text, add_special_tokens=False).ids
        assert list(ids) == wanted, text
        assert tokenizer.decode([wanted])[0] == package.decode(wanted), text


def test_what_is_written_has_the_same_ids(folder, tmp_path):
    save_tokenizer(read_tokenizer(folder), tmp_path / "again")
    one, other = (
        Tokenizer.from_file(str(x / "tokenizer.json")) for x in (folder, tmp_path / "again")
    )
    for text in TEXTS:
        assert one.encode(text).ids == other.encode(text).ids, text

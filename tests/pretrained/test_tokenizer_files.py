"""Tokenizers of Hugging Face folders as plain descriptions, against the `tokenizers` package."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tftransformer.pretrained import read_tokenizer, read_tokenizer_files, save_tokenizer
from tftransformer.pretrained.tokenizer_description import RowPart, Step
from tftransformer.pretrained.tokenizer_json import describe_json
from tftransformer.text import AddedToken

NAMED = os.environ.get("TFTRANSFORMER_GOLDENS_ROOT")
FOLDERS = sorted(Path(NAMED).glob("tokenizers/*/*/")) if NAMED else []
TEXTS = [
    "The dog sleeps.",
    "Zwölf Boxkämpfer jagen Eva!",
    "naïve café 北京",
    "x  y\tz",
    "[MASK] a",
    "",
]
LEARNT = [*TEXTS, "the old dog", "a new house", "sleeping dogs", "jagen und schlafen"] * 3
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write(folder, **files):
    """Writes files; a name's last `_` stands for its point."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        stem, _, ending = name.rpartition("_")
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    return folder


def wordpiece():
    """A BERT tokenizer learnt by the package."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(LEARNT, trainers.WordPieceTrainer(vocab_size=120, special_tokens=BERT))
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return made


def byte_bpe():
    """A RoBERTa tokenizer learnt by the package."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(LEARNT, trainers.BpeTrainer(vocab_size=330, special_tokens=special))
    made.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return made


def unigram():
    """A T5 tokenizer learnt by the package."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("''", '"')])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token="<unk>")
    made.train_from_iterator(LEARNT, trainer)
    return made


MADE = {"wordpiece": wordpiece, "byte_bpe": byte_bpe, "unigram": unigram}


@pytest.fixture(scope="module")
def learnt():
    """Contents of a tokenizer.json for each model."""
    return {name: json.loads(make().to_str()) for name, make in MADE.items()}


def same(encoding, case):
    """Whether an encoding is what a golden case says."""
    return (
        encoding.ids == case["ids"]
        and encoding.type_ids == case["types"]
        and encoding.special_tokens_mask == case["special"]
        and ("words" not in case or encoding.word_ids == case["words"])
        and ("offsets" not in case or [list(x) for x in encoding.offsets] == case["offsets"])
    )


def check_equal(described, content):
    """It tokenises as the package does from a tokenizer.json, also pairs and special tokens."""
    one, other = (Tokenizer.from_str(json.dumps(x)) for x in (described.to_json(), content))
    for parsed in (False, True):
        one.encode_special_tokens = other.encode_special_tokens = not parsed
        for first, second in zip(TEXTS, [None, *TEXTS], strict=False):
            left, right = (t.encode(first, second) for t in (one, other))
            for field in ("ids", "type_ids", "offsets", "special_tokens_mask", "word_ids"):
                assert getattr(left, field) == getattr(right, field), (first, second, field)
            assert one.decode(left.ids) == other.decode(right.ids)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda x: f"{x.parent.name}-{x.name}")
def test_a_golden_folder_is_described_as_the_reference_reads_it(folder):
    with gzip.open(folder / "cases.json.gz") as file:
        golden = json.load(file)
    described = read_tokenizer_files(folder)
    assert described.vocab_size == golden["vocab_size"]
    assert described.special_ids == golden["special_ids"]
    if described.rules == "tokenizers":
        made = Tokenizer.from_str(json.dumps(described.to_json()))
        for case in golden["cases"]:
            made.encode_special_tokens = True
            if not case.get("exclude"):
                assert same(made.encode(case["text"]), case), case["text"]
            made.encode_special_tokens = False
            parsed = made.encode(case["text"]).ids
            assert parsed == case.get("parsed", case)["ids"], case["text"]
        made.encode_special_tokens = True
        for case in golden["pairs"]:
            assert same(made.encode(case["text"], case["pair"]), case), case
    elif golden["family"] in ("t5", "llama2"):  # the others' rules begin before their model
        model = sentencepiece.SentencePieceProcessor(model_proto=described.model.data)
        ids = described.ids
        for case in golden["cases"]:
            if not case.get("exclude"):
                text = model.encode(case["text"])
                parts = [text if p.is_text else [ids[p.content]] for p in described.row()]
                assert [number for part in parts for number in part] == case["ids"], case["text"]


@pytest.mark.parametrize("name", MADE)
def test_a_tokenizer_json_says_the_same_after_it_was_read(learnt, name):
    described = describe_json(learnt[name])
    check_equal(described, learnt[name])
    again = describe_json(json.loads(json.dumps(described.to_json())))
    assert again == described


@pytest.mark.parametrize("name", MADE)
def test_a_missing_type_follows_from_what_stands_there(learnt, name):
    content = json.loads(json.dumps(learnt[name]))
    del content["model"]["type"]
    if name == "byte_bpe":
        for chain in ("pre_tokenizer", "post_processor", "decoder"):
            del content[chain]["type"]
    if name == "unigram":
        del content["normalizer"]["type"]
    assert describe_json(content) == describe_json(learnt[name])


def test_merges_are_read_in_both_spellings(learnt):
    content = json.loads(json.dumps(learnt["byte_bpe"]))
    merges = content["model"]["merges"]
    pairs = [line.split(" ") if isinstance(line, str) else line for line in merges]
    for spelling in (pairs, [" ".join(pair) for pair in pairs]):
        content["model"]["merges"] = spelling
        assert describe_json(content) == describe_json(learnt["byte_bpe"])


def test_stored_truncation_and_padding_do_not_act(learnt):
    stored = {
        "truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_id": 0},
    }
    assert describe_json(learnt["wordpiece"] | stored) == describe_json(learnt["wordpiece"])


def test_old_metaspaces_say_the_same_in_other_words(learnt):
    content = learnt["unigram"] | {
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}
    }
    (step,) = describe_json(content).pre_tokenizer
    expected = {"replacement": "▁", "prepend_scheme": "never", "split": True}
    assert step == Step("Metaspace", expected)


def test_vocab_txt_equals_the_json(tmp_path, learnt):
    vocab = learnt["wordpiece"]["model"]["vocab"]
    lines = "".join(f"{piece}\n" for piece in sorted(vocab, key=vocab.get))
    folder = write(tmp_path / "a", vocab_txt=lines, config_json={"model_type": "bert"})
    described = read_tokenizer_files(folder)
    check_equal(described, learnt["wordpiece"])
    assert described.special_ids == {"unk": 1, "sep": 3, "pad": 0, "cls": 2, "mask": 4}
    write(folder, tokenizer_config_json={"do_lower_case": False, "strip_accents": True})
    (step,) = read_tokenizer_files(folder).normalizer
    assert (step.options["lowercase"], step.options["strip_accents"]) == (False, True)


def test_vocab_json_and_merges_equal_the_json(tmp_path, learnt):
    model = learnt["byte_bpe"]["model"]
    merges = [line if isinstance(line, str) else " ".join(line) for line in model["merges"]]
    folder = write(
        tmp_path / "a",
        vocab_json=model["vocab"],
        merges_txt="\n".join(["#version: 0.2", *merges, ""]),
        tokenizer_config_json={"tokenizer_class": "RobertaTokenizerFast"},
    )
    described = read_tokenizer_files(folder)
    plain = replace(described, added_tokens=())
    check_equal(plain, learnt["byte_bpe"] | {"added_tokens": []})
    assert described.special_ids["mask"] == model["vocab"]["<mask>"]
    (mask,) = (token for token in described.added_tokens if token.content == "<mask>")
    assert mask.lstrip
    row = " ".join(part.content for part in described.row(pair=True))
    assert row == "<s> A </s> </s> B </s>"


@pytest.mark.slow
def test_xlm_merges_end_in_counts(tmp_path):
    pieces = ["<s>", "</s>", "<pad>", "<unk>", "t", "h</w>", "th</w>"]
    folder = write(
        tmp_path / "a",
        vocab_json={piece: number for number, piece in enumerate(pieces)},
        merges_txt="t h</w> 5000\n",
        config_json={"model_type": "xlm"},
    )
    described = read_tokenizer_files(folder)
    assert described.model.merges == (("t", "h</w>"),)
    assert described.special_ids == {"bos": 0, "sep": 1, "cls": 1, "pad": 2, "unk": 3, "mask": 7}
    read = read_tokenizer(folder)
    assert read.tokenizer.encode(["Th. 5 t"]).ids.tolist() == [[6, 3, 3, 3]]
    with pytest.raises(ValueError, match="rules of xlm"):
        described.to_json()
    save_tokenizer(read, tmp_path / "again")
    again = read_tokenizer(tmp_path / "again")
    assert again.tokenizer.get_settings() == read.tokenizer.get_settings()
    assert (tmp_path / "again" / "merges.txt").read_text("utf-8") == "t h</w>\n"


def test_sentencepiece_folders_are_read(tmp_path):
    write(tmp_path / "t5", config_json={"model_type": "t5"})
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LEARNT),
        model_prefix=str(tmp_path / "t5" / "spiece"),
        vocab_size=80,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    described = read_tokenizer_files(tmp_path / "t5")
    size = len(described.model.vocab)
    assert described.vocab_size == size + 100
    assert described.ids["<extra_id_0>"] == size + 99
    assert described.special_ids == {"eos": 1, "unk": 2, "pad": 0}
    assert described.row() == [RowPart("A", 0, True), RowPart("</s>", 0, False)]
    assert read_tokenizer(tmp_path / "t5").tokenizer.sampling_alpha == 0  # trained on as it is cut
    data = (tmp_path / "t5" / "spiece.model").read_bytes()
    codes = {"</s>": 0, "<unk>": 1, "▁": 2, "<pad>": 3}
    marian = write(tmp_path / "m", config_json={"model_type": "marian"}, vocab_json=codes)
    for side in ("source", "target"):
        (marian / f"{side}.spm").write_bytes(data)
    described = read_tokenizer_files(marian)
    assert described.special_ids == {"eos": 0, "unk": 1, "pad": 3}
    assert (described.rules, described.model.target_data) == ("marian", data)
    llama = write(tmp_path / "l", tokenizer_config_json={"tokenizer_class": "LlamaTokenizer"})
    (llama / "tokenizer.model").write_bytes(data)
    row = " ".join(part.content for part in read_tokenizer_files(llama).row(pair=True))
    assert row == "<s> A <s> B"
    (llama / "tokenizer.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"tokenizer\.model is no model of sentencepiece"):
        read_tokenizer_files(llama)


def test_added_tokens_have_their_flags(tmp_path):
    folder = write(
        tmp_path / "a",
        vocab_txt="\n".join([*BERT, "a"]),
        config_json={"model_type": "bert"},
        added_tokens_json={"@user": 6, "[E1]": 7},
        special_tokens_map_json={
            "mask_token": {"content": "[MASK]", "lstrip": True},
            "additional_special_tokens": ["[E1]", "[E2]"],
        },
    )
    described = read_tokenizer_files(folder)
    tokens = {token.content: token for token in described.added_tokens}
    assert tokens["@user"] == AddedToken("@user", 6)
    assert tokens["[E1]"] == AddedToken("[E1]", 7, special=True, normalized=False)
    assert tokens["[E2]"] == AddedToken("[E2]", 8, special=True, normalized=False)
    assert tokens["[MASK]"] == AddedToken("[MASK]", 4, True, False, lstrip=True)


def test_the_layouts_of_transformers_4_and_5_say_the_same(tmp_path, learnt):
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    special = {str(i): {"content": token, "special": True, **flags} for i, token in enumerate(BERT)}
    configs = [
        {"added_tokens_decoder": special, "tokenizer_class": "BertTokenizer", **names},
        {"backend": "tokenizers", "tokenizer_class": "BertTokenizer", **names},
        {"tokenizer_class": "BertTokenizer", "mask_token": {"content": "[MASK]", **flags}},
    ]
    found = []
    for number, config in enumerate(configs):
        folder = write(
            tmp_path / str(number), tokenizer_json=learnt["wordpiece"], tokenizer_config_json=config
        )
        described = read_tokenizer_files(folder)
        found.append((described.roles, described.added_tokens, described.special_ids))
    assert found[0] == found[1] == found[2]


def test_tokenizer_json_wins_over_the_other_files(tmp_path, learnt):
    folder = write(
        tmp_path / "a",
        tokenizer_json=learnt["wordpiece"],
        vocab_txt="other\npieces",
        tokenizer_config_json={"do_lower_case": False, "model_max_length": 48},
    )
    described = read_tokenizer_files(folder)
    assert "other" not in described.ids
    assert described.normalizer[0].options["lowercase"] is True
    assert described.roles == {}  # neither a class nor a file names any
    assert described.settings["model_max_length"] == 48


def changed(learnt, *path, value):
    content = json.loads(json.dumps(learnt["byte_bpe"]))
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["model"], None, "there is no model"),
        (["model", "type"], "Magic", "model 'Magic' is not known; known: BPE"),
        (["model", "shadow"], 1, "model BPE has unknown entries shadow"),
        (["model", "merges", 0], "a b c", "merge 0 is 'a b c'"),
        (["model", "merges", 0], ["§", "§"], "merge 0 .* needs '§', which vocab lacks"),
        (["model", "vocab"], {"a": 0, "b": 0}, "'a' and 'b' have the same id"),
        (["model", "vocab"], {"a": -1}, "'a' has the id -1"),
        (["pre_tokenizer", "type"], "Jieba", "pre_tokenizer 'Jieba' is not known"),
        (["pre_tokenizer", "more"], 1, "pre_tokenizer ByteLevel has unknown entries more"),
        (["pre_tokenizer"], {"type": "Split", "invert": False}, "Split lacks pattern, behavior"),
        (["pre_tokenizer"], {"invert": False}, "pre_tokenizer has no type, and invert tells none"),
        (["normalizer"], "NFC", "normalizer is str"),
        (["normalizer"], {"type": "Sequence"}, "a sequence lacks its normalizers"),
        (["post_processor", "cls"], ["<s>", 1], "'<s>' has the id 1, elsewhere 0"),
        (["added_tokens", 0], {"content": "<s>"}, "added token 0 has content; expected"),
        (["added_tokens", 0, "id"], 7, "'<s>' has the id"),
        (["extra"], 1, "unknown entries extra"),
    ],
)
def test_what_is_malformed_or_unknown_is_named(tmp_path, learnt, path, value, said):
    content = changed(learnt, *path, value=value)
    with pytest.raises(ValueError, match=said):
        describe_json(content)
    with pytest.raises(
        ValueError, match=f"{tmp_path.name}: the tokenizer cannot be read: .*{said}"
    ):
        read_tokenizer_files(write(tmp_path, tokenizer_json=content))


def test_what_a_folder_lacks_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"neither tokenizer_config\.json nor config\.json names"):
        read_tokenizer_files(tmp_path)
    folder = write(tmp_path, config_json={"model_type": "roberta"}, vocab_json={"a": 0})
    with pytest.raises(ValueError, match=r"neither a tokenizer\.json nor merges\.txt"):
        read_tokenizer_files(folder)
    write(folder, tokenizer_json="{")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not valid JSON"):
        read_tokenizer_files(folder)


def test_what_is_asked_for_and_not_there_is_named(tmp_path):
    config = {"do_basic_tokenize": False}
    folder = write(tmp_path, config_json={"model_type": "bert"}, vocab_txt="[PAD]\n[UNK]\n[CLS]")
    write(folder, tokenizer_config_json=config)
    with pytest.raises(ValueError, match="do_basic_tokenize=False"):
        read_tokenizer_files(folder)
    write(folder, tokenizer_config_json={"cls_token": None})
    with pytest.raises(ValueError, match="no file names the cls_token"):
        read_tokenizer_files(folder)
    write(folder, tokenizer_config_json={"cls_token": 3})
    with pytest.raises(ValueError, match="cls_token is 3; expected a string"):
        read_tokenizer_files(folder)

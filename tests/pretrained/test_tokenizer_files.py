"""Tokenizers of Hugging Face folders as plain descriptions, whatever files they are in."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import sentencepiece
from learnt_tokenizers import BERT, LEARNT, check_equal, learnt, write_files
from tokenizers import Tokenizer

from tftransformer.pretrained import read_tokenizer, read_tokenizer_files, save_tokenizer
from tftransformer.pretrained.tokenizer_description import RowPart
from tftransformer.text import AddedToken

NAMED = os.environ.get("TFTRANSFORMER_GOLDENS_ROOT")
FOLDERS = sorted(Path(NAMED).glob("tokenizers/*/*/")) if NAMED else []


def same(encoding, case):
    """Whether an encoding is what a golden case says."""
    return (
        encoding.ids == case["ids"]
        and encoding.type_ids == case["types"]
        and encoding.special_tokens_mask == case["special"]
        and ("words" not in case or encoding.word_ids == case["words"])
        and ("offsets" not in case or [list(x) for x in encoding.offsets] == case["offsets"])
    )


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


def test_vocab_txt_equals_the_json(tmp_path):
    vocab = learnt("wordpiece")["model"]["vocab"]
    lines = "".join(f"{piece}\n" for piece in sorted(vocab, key=vocab.get))
    folder = write_files(tmp_path / "a", vocab_txt=lines, config_json={"model_type": "bert"})
    described = read_tokenizer_files(folder)
    check_equal(described, learnt("wordpiece"))
    assert described.special_ids == {"unk": 1, "sep": 3, "pad": 0, "cls": 2, "mask": 4}
    write_files(folder, tokenizer_config_json={"do_lower_case": False, "strip_accents": True})
    (step,) = read_tokenizer_files(folder).normalizer
    assert (step.options["lowercase"], step.options["strip_accents"]) == (False, True)


def test_vocab_json_and_merges_equal_the_json(tmp_path):
    model = learnt("byte_bpe")["model"]
    merges = [line if isinstance(line, str) else " ".join(line) for line in model["merges"]]
    folder = write_files(
        tmp_path / "a",
        vocab_json=model["vocab"],
        merges_txt="\n".join(["#version: 0.2", *merges, ""]),
        tokenizer_config_json={"tokenizer_class": "RobertaTokenizerFast"},
    )
    described = read_tokenizer_files(folder)
    plain = replace(described, added_tokens=())
    check_equal(plain, learnt("byte_bpe") | {"added_tokens": []})
    assert described.special_ids["mask"] == model["vocab"]["<mask>"]
    (mask,) = (token for token in described.added_tokens if token.content == "<mask>")
    assert mask.lstrip
    row = " ".join(part.content for part in described.row(pair=True))
    assert row == "<s> A </s> </s> B </s>"


@pytest.mark.slow
def test_files_of_deberta_make_rows_as_bert_does(tmp_path):
    """Bytes in version 1, pieces of sentencepiece in the others; `[MASK]` follows if need be."""
    model = learnt("byte_bpe")["model"]
    merges = [line if isinstance(line, str) else " ".join(line) for line in model["merges"]]
    spelled = dict(zip(("<s>", "</s>", "<unk>"), ("[CLS]", "[SEP]", "[UNK]"), strict=True))
    vocab = {spelled.get(piece, piece): number for piece, number in model["vocab"].items()}
    bytes_ = write_files(
        tmp_path / "v1",
        config_json={"model_type": "deberta"},
        vocab_json=vocab,
        merges_txt="\n".join(merges),
    )
    pieces = write_files(tmp_path / "v3", config_json={"model_type": "deberta-v2"})
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LEARNT),
        model_prefix=str(pieces / "spm"),
        vocab_size=80,
        **{f"{role}_id": number for number, role in enumerate(("pad", "bos", "eos", "unk"))},
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    for folder in (bytes_, pieces):
        described = read_tokenizer_files(folder)
        row = " ".join(f"{part.content}:{part.segment}" for part in described.row(pair=True))
        assert row == "[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1"
        (mask,) = (token for token in described.added_tokens if token.content == "[MASK]")
        assert mask.lstrip is (folder == bytes_)
        assert mask.id >= len(vocab if folder == bytes_ else described.model.vocab)
    assert described.special_ids["mask"] == described.vocab_size - 1
    text = "a small corpus"
    plain = sentencepiece.SentencePieceProcessor(str(pieces / "spm.model"))
    assert read_tokenizer(pieces).tokenizer.encode([text]).ids[0].tolist() == plain.encode(text)
    write_files(pieces, tokenizer_config_json={"split_by_punct": True})
    with pytest.raises(ValueError, match="split_by_punct=True is not supported without"):
        read_tokenizer_files(pieces)


def test_xlm_merges_end_in_counts(tmp_path):
    pieces = ["<s>", "</s>", "<pad>", "<unk>", "t", "h</w>", "th</w>"]
    folder = write_files(
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
    write_files(tmp_path / "t5", config_json={"model_type": "t5"})
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
    marian = write_files(tmp_path / "m", config_json={"model_type": "marian"}, vocab_json=codes)
    for side in ("source", "target"):
        (marian / f"{side}.spm").write_bytes(data)
    described = read_tokenizer_files(marian)
    assert described.special_ids == {"eos": 0, "unk": 1, "pad": 3}
    assert (described.rules, described.model.target_data) == ("marian", data)
    llama = write_files(tmp_path / "l", tokenizer_config_json={"tokenizer_class": "LlamaTokenizer"})
    (llama / "tokenizer.model").write_bytes(data)
    row = " ".join(part.content for part in read_tokenizer_files(llama).row(pair=True))
    assert row == "<s> A <s> B"
    (llama / "tokenizer.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"tokenizer\.model is no model of sentencepiece"):
        read_tokenizer_files(llama)


KIN = {
    "camembert": (4, ["<s>", "A", "</s>"], ["<s>", "A", "</s>", "</s>", "B", "</s>"]),
    "xlm-roberta": (1, ["<s>", "A", "</s>"], ["<s>", "A", "</s>", "</s>", "B", "</s>"]),
    "mbart": (1, ["A", "</s>", "de_DE"], ["A", "B", "</s>", "de_DE"]),
    "mbart50": (1, ["de_DE", "A", "</s>"], ["de_DE", "A", "B", "</s>"]),
}


@pytest.mark.parametrize("kind", KIN)
def test_pieces_of_fairseq_stand_behind_its_own_tokens(kind, tmp_path):
    shift, row, pair = KIN[kind]
    told = {"tokenizer_class": "MBart50Tokenizer"} if kind == "mbart50" else {}
    folder = write_files(
        tmp_path / "a",
        config_json={"model_type": kind.removesuffix("50")},
        tokenizer_config_json={**told, "src_lang": "de_DE"},
    )
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LEARNT),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(str(folder / "sentencepiece.bpe.model"))
    described = read_tokenizer_files(folder)
    assert [part.content for part in described.row()] == row
    assert [part.content for part in described.row(pair=True)] == pair
    assert (described.ids["<pad>"], described.ids["<unk>"]) == (1, 3)
    codes = {"mbart": 25, "mbart50": 52}.get(kind, 0)
    assert described.ids["<mask>"] == model.get_piece_size() + shift + codes
    read = read_tokenizer(folder)
    text = LEARNT[0]
    expected = [3 if n == model.unk_id() else n + shift for n in model.encode(text)]
    assert read.tokenizer.encode([text]).ids.tolist() == [expected]
    save_tokenizer(read, tmp_path / "again")
    again = read_tokenizer(tmp_path / "again")
    found, expected = (one.tokenizer.encode(LEARNT).ids.tolist() for one in (again, read))
    assert found == expected
    assert again.template == read.template
    if codes:
        assert described.ids["de_DE"] == model.get_piece_size() + 1 + 2
    (folder / "sentencepiece.bpe.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"sentencepiece\.bpe\.model is no model"):
        read_tokenizer(folder)


def test_added_tokens_have_their_flags(tmp_path):
    folder = write_files(
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


def test_the_layouts_of_transformers_4_and_5_say_the_same(tmp_path):
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
        folder = write_files(
            tmp_path / str(number), tokenizer_json=learnt("wordpiece"), tokenizer_config_json=config
        )
        described = read_tokenizer_files(folder)
        found.append((described.roles, described.added_tokens, described.special_ids))
    assert found[0] == found[1] == found[2]


def test_tokenizer_json_wins_over_the_other_files(tmp_path):
    folder = write_files(
        tmp_path / "a",
        tokenizer_json=learnt("wordpiece"),
        vocab_txt="other\npieces",
        tokenizer_config_json={"do_lower_case": False, "model_max_length": 48},
    )
    described = read_tokenizer_files(folder)
    assert "other" not in described.ids
    assert described.normalizer[0].options["lowercase"] is True
    assert described.roles == {}  # neither a class nor a file names any
    assert described.settings["model_max_length"] == 48


def test_what_a_folder_lacks_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"neither tokenizer_config\.json nor config\.json names"):
        read_tokenizer_files(tmp_path)
    folder = write_files(tmp_path, config_json={"model_type": "roberta"}, vocab_json={"a": 0})
    with pytest.raises(ValueError, match=r"neither a tokenizer\.json nor merges\.txt"):
        read_tokenizer_files(folder)
    write_files(folder, tokenizer_json="{")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not valid JSON"):
        read_tokenizer_files(folder)


def test_what_is_asked_for_and_not_there_is_named(tmp_path):
    config = {"do_basic_tokenize": False}
    folder = write_files(
        tmp_path, config_json={"model_type": "bert"}, vocab_txt="[PAD]\n[UNK]\n[CLS]"
    )
    write_files(folder, tokenizer_config_json=config)
    with pytest.raises(ValueError, match="do_basic_tokenize=False"):
        read_tokenizer_files(folder)
    write_files(folder, tokenizer_config_json={"cls_token": None})
    with pytest.raises(ValueError, match="no file names the cls_token"):
        read_tokenizer_files(folder)
    write_files(folder, tokenizer_config_json={"cls_token": 3})
    with pytest.raises(ValueError, match="cls_token is 3; expected a string"):
        read_tokenizer_files(folder)

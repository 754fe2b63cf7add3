"""Tokenizers of ours as tokenizer.json: the `tokenizers` package reads the same ids."""

import json

import pytest
from golden_tokenizers import FOLDERS, golden, loaded, name_of
from tokenizer_texts import FEW as CORPUS
from tokenizers import Tokenizer

from tftransformer.pretrained import (
    FolderTokenizer,
    read_tokenizer,
    read_tokenizer_files,
    save_tokenizer,
)
from tftransformer.pretrained.tokenizer_description import Unigram
from tftransformer.text import (
    ByteBpeTokenizer,
    SentencePieceTokenizer,
    Template,
    WordPieceTokenizer,
)
from tftransformer.text.byte_bpe_tokenizer import LETTERS

TEXTS = [*CORPUS[:9], "", " ", "  a   b ", "Zwölf №5 ﬁne 北京 🎈 don't!", "naïve\tcafé", "x▁y"]
TEXTS += ["\x85 a b \u2028", " \x85"]  # white space that is no blank


def made(kind):
    if kind.startswith("wordpiece"):
        return WordPieceTokenizer.learn(CORPUS, 120, lower_case=kind.endswith("lower"))
    name, normalization = kind.split()
    return SentencePieceTokenizer.learn(
        CORPUS, 300, kind=name, normalization=normalization, special_tokens=["<mask>"]
    )


def read_by_the_package(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


LEARNT = ["bpe identity", "unigram nmt_nfkc", "bpe nmt_nfkc_cf"]
KINDS = ["wordpiece lower", "wordpiece cased", *LEARNT]
# Folders whose rules a tokenizer.json cannot express.
OWN_FILES = {("marian", None), ("xlm", None), ("xlnet", "spiece")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_package_reads_the_ids_of_a_tokenizer_that_was_learnt_here(kind, tmp_path):
    tokenizer = made(kind)
    template = Template("start a end", "start a end b:1 end:1")
    if kind.startswith("wordpiece"):
        template = Template.bert()
    save_tokenizer(FolderTokenizer(tokenizer, template, 64), tmp_path / "new")
    package = read_by_the_package(tmp_path / "new")
    again = read_tokenizer(tmp_path / "new")
    assert (again.template, again.max_length) == (template, 64)
    assert again.tokenizer.special_ids == tokenizer.special_ids
    ids = tokenizer.encode(TEXTS).ids.tolist()
    assert again.tokenizer.encode(TEXTS).ids.tolist() == ids
    for text, row in zip(TEXTS, ids, strict=True):
        assert package.encode(text, add_special_tokens=False).ids == row, text
        assert again.tokenizer.decode([row]) == [package.decode(row)]
    one, two = tokenizer.special_ids["start"], tokenizer.special_ids["end"]
    assert package.encode(TEXTS[0], TEXTS[1]).ids == [one, *ids[0], two, *ids[1], two]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_golden_folder_that_is_written_back_has_the_same_ids(folder, tmp_path):
    read = loaded(folder)
    for name in ("special_tokens_map.json", "tokenizer.json"):  # of another one, to be replaced
        (tmp_path / name).write_text('{"unk_token": "x"}')
    save_tokenizer(read, tmp_path)
    has_json = not {(folder.parent.name, name) for name in (None, folder.name)} & OWN_FILES
    assert (tmp_path / "tokenizer.json").exists() is has_json
    again = read_tokenizer(tmp_path)
    assert again.template == read.template
    assert (again.max_length, again.padding_side) == (read.max_length, read.padding_side)
    assert again.segment_fill == read.segment_fill
    assert again.tokenizer.special_ids == read.tokenizer.special_ids
    cases = [case for case in golden(folder)["cases"] if "ids" not in case.get("exclude", {})]
    ours = again.tokenizer.encode([case["text"] for case in cases]).ids.tolist()
    assert ours == read.tokenizer.encode([case["text"] for case in cases]).ids.tolist()
    special = [token.content for token in read.tokenizer.added_tokens if token.special]
    if read.target is not None:
        texts = [case["text"] for case in cases]
        assert again.target.encode(texts).ids.tolist() == read.target.encode(texts).ids.tolist()
        assert again.target.special_ids == read.target.special_ids
    if not has_json:
        return
    package = read_by_the_package(tmp_path)
    is_unigram = isinstance(read_tokenizer_files(tmp_path).model, Unigram)
    for case in cases:
        # The package's Unigram reads special pieces out of any text.
        if not (is_unigram and any(name in case["text"] for name in special)):
            assert package.encode(case["text"]).ids == case["ids"], case["text"]


def test_what_cannot_be_said_is_refused_before_anything_is_written(tmp_path):
    model = made("unigram nmt_nfkc").vocabulary()
    by_languages = SentencePieceTokenizer(model, language_codes=True)
    plain = made("wordpiece lower")
    other_rows = Template("end a", "end a b")
    for given, message in [
        (FolderTokenizer(by_languages, other_rows), "MarianTokenizer makes rows by itself"),
        (FolderTokenizer(by_languages, Template(), target=plain), "cut in another way"),
        (FolderTokenizer(plain, Template(), target=by_languages), "pairs of languages"),
    ]:
        with pytest.raises(ValueError, match=message):
            save_tokenizer(given, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_saved_configuration_is_plain(tmp_path):
    save_tokenizer(FolderTokenizer(made("wordpiece lower"), Template.bert()), tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert config["unk_token"] == "[UNK]"
    assert config["padding_side"] == "right"
    assert "model_max_length" not in config


@pytest.mark.parametrize(
    ("template", "has_segments"),
    [(Template.bert(), True), (Template.roberta(), False), (Template("a", "a b:1"), False)],
    ids=["BERT", "RoBERTa", "GPT"],
)
def test_models_are_given_segments_where_the_template_has_some(template, has_segments, tmp_path):
    save_tokenizer(FolderTokenizer(made("wordpiece lower"), template), tmp_path)
    names = json.loads((tmp_path / "tokenizer_config.json").read_text())["model_input_names"]
    assert names == ["input_ids", *["token_type_ids"] * has_segments, "attention_mask"]


def test_special_tokens_without_a_role_are_special_there_too(tmp_path):
    tokenizer = SentencePieceTokenizer.learn(CORPUS, 300, special_tokens=["<mask>", "<eop>"])
    save_tokenizer(FolderTokenizer(tokenizer, Template("a end")), tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert config["mask_token"] == "<mask>"
    assert config["additional_special_tokens"] == ["<eop>"]


def test_what_was_split_at_white_space_is_again_so_that_no_place_begins_with_a_blank(tmp_path):
    save_tokenizer(FolderTokenizer(made("unigram nmt_nfkc"), Template("a end")), tmp_path / "new")
    file = tmp_path / "new" / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    blanks = content["pre_tokenizer"]
    assert blanks["type"] == "Metaspace"
    steps = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, blanks]}
    file.write_text(json.dumps({**content, "pre_tokenizer": steps}), "utf-8")
    expected = read_by_the_package(tmp_path / "new")
    read = read_tokenizer(tmp_path / "new")
    save_tokenizer(read, tmp_path / "again")
    package = read_by_the_package(tmp_path / "again")
    for text in TEXTS:
        found, right = package.encode(text), expected.encode(text)
        assert (found.ids, found.offsets) == (right.ids, right.offsets), text
    assert {1, 2}.isdisjoint(start for start, _ in package.encode("A  tall").offsets)
    assert read_tokenizer(tmp_path / "again").tokenizer.rewriting == read.tokenizer.rewriting


def test_further_tokens_are_told_where_there_are_words_for_them(tmp_path):
    texts = ["A zebra sieht <url>, zebras houses x<url>y", *CORPUS]
    pieces = [*LETTERS, "Ġs", "Ġsi"]
    known = (
        made("wordpiece lower"),
        ByteBpeTokenizer(pieces, [("Ġ", "s"), ("Ġs", "i")]),
    )
    for number, tokenizer in enumerate(known):
        grown, path = tokenizer.with_tokens(["zebra", "<url>"]), tmp_path / str(number)
        save_tokenizer(FolderTokenizer(grown, Template.bare()), path)
        ours = grown.encode(texts).ids.tolist()
        assert [row.ids for row in read_by_the_package(path).encode_batch(texts)] == ours
        assert read_tokenizer(path).tokenizer.encode(texts).ids.tolist() == ours
    grown = made("unigram identity").with_tokens(["zebra"])
    with pytest.raises(ValueError, match=r"with_tokens\(\['zebra'\]\): files of Hugging"):
        save_tokenizer(FolderTokenizer(grown, Template("a end")), tmp_path / "none")
    assert not (tmp_path / "none").exists()

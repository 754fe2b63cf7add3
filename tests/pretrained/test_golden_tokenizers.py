"""Tokenizers of folders against what the reference implementations say: ids, places, texts."""

import unicodedata

import pytest
import tensorflow as tf
from golden_tokenizers import (
    FOLDERS,
    encoded,
    golden,
    loaded,
    name_of,
    row,
    rows_of,
)

from tftransformer.core import Ragged
from tftransformer.pretrained import read_tokenizer_files
from tftransformer.pretrained.tokenizer_description import Unigram
from tftransformer.text import truncate
from tftransformer.text.windows import lay_windows

ENCODED = {"ids", "types", "special", "words", "offsets"}
DECODED = {"decode", "decode_skip", "decode_clean"}
KNOWN = {"group", "text", "pair", "parsed", "exclude", "note", *ENCODED, *DECODED}
PARTS = {"cases", "pairs", "truncated", "batches"}
# What the whole file says; the rest are the parts.
ABOUT = {
    *("format", "family", "layout", "authority", "versions", "files", "vocab_size"),
    *("special_ids", "offsets", "sentences"),
}
ROLES = {"bos": "start", "eos": "end"}
# What is not compared, and why.
FORGERY = "the Rust Unigram model takes a control piece from text, which nobody may write here"
OTHER_TYPES = "the reference gives later windows of a second text type 1, whatever the template has"

GROUPS = [
    pytest.param(folder, group, id=f"{name_of(folder)}-{group}")
    for folder in FOLDERS
    for group in dict.fromkeys(case["group"] for case in golden(folder)["cases"])
]
WHOLE = pytest.mark.parametrize("folder", FOLDERS, ids=name_of)


def compared(folder, case, made):
    """Asserts that each field of a case is what was made of its text."""
    assert set(case) <= KNOWN, f"fields that no test covers: {sorted(set(case) - KNOWN)}"
    for field, value in made.items():
        if field not in case or field in case.get("exclude", {}):
            continue
        if field == "offsets" and is_traced_differently(folder, case["text"]):
            places = zip(value, case[field], strict=True)
            assert all(overlaps(*place) for place in places), case["text"]
        else:
            assert value == case[field], (field, case["text"])


def is_traced_differently(folder, text):
    """Whether libraries trace characters back differently: those that normalisation changes."""
    return golden(folder)["offsets"] == "inside" and unicodedata.normalize("NFKC", text) != text


def overlaps(first, second):
    return first == second or max(first[0], second[0]) < min(first[1], second[1])


def forges(folder, text):
    """Whether the reference reads a special token out of a text that may not write any."""
    added = loaded(folder).tokenizer.added_tokens
    is_unigram = isinstance(read_tokenizer_files(folder).model, Unigram)
    return is_unigram and any(token.special and token.content in text for token in added)


def decoded(folder, ids):
    tokenizer = loaded(folder).target or loaded(folder).tokenizer
    return {
        "decode": tokenizer.decode([ids], keep_special=True)[0],
        "decode_skip": tokenizer.decode([ids])[0],
        "decode_clean": tokenizer.decode([ids], clean_up=True)[0],
    }


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "group"), GROUPS)
def test_texts_become_the_ids_and_places_of_the_reference(folder, group):
    cases = [case for case in golden(folder)["cases"] if case["group"] == group]
    texts = [case["text"] for case in cases]
    with_places = golden(folder)["offsets"] != "none"
    plain = encoded(folder, texts, with_places=with_places)
    parsed = encoded(folder, texts, allow_special=True, with_places=with_places)
    for place, case in enumerate(cases):
        for given, columns in ((case, plain), (case.get("parsed", {}), parsed)):
            if given is case or given:
                known = {"text": case["text"], "exclude": case.get("exclude", {}), **given}
                if given is not case:  # what is said of the plain reading is not said of this
                    known["exclude"] = {}
                made = row(folder, [columns], place)
                compared(folder, known, made | decoded(folder, known["ids"]))


@pytest.mark.slow_after(1)
@WHOLE
def test_two_texts_become_the_row_of_the_reference(folder):
    pairs = golden(folder)["pairs"]
    with_places = golden(folder)["offsets"] != "none"
    columns = [
        encoded(folder, [case[name] for case in pairs], with_places=with_places)
        for name in ("text", "pair")
    ]
    for place, case in enumerate(pairs):
        known = dict(case)
        if forges(folder, case["text"] + case["pair"]):
            known["exclude"] = dict.fromkeys(ENCODED, FORGERY)
        compared(folder, known, row(folder, columns, place))


def cut(folder, case):
    """The rows of a text, or a pair, that is longer than a row may be."""
    texts = [case[name] for name in ("text", "pair") if name in case]
    ids = [encoded(folder, [text], with_places=False)["ids"][0] for text in texts]
    most = case["max_length"] - loaded(folder).template.num_special(len(ids) > 1)
    if case["strategy"] == "longest_first" and "stride" not in case:
        first, second, _ = truncate(
            Ragged.from_rows(ids[:1]), Ragged.from_rows(ids[1:]) if ids[1:] else None, most
        )
        kept = [part.tolist()[0] for part in (first, second) if part is not None]
        return [rows_of(folder, *kept)]
    which = {"only_first": 0, "longest_first": 0, "only_second": 1}[case["strategy"]]
    assert case["strategy"] != "longest_first" or len(ids) == 1
    room = most - sum(len(text) for place, text in enumerate(ids) if place != which)
    windows = lay_windows(tf.constant([len(ids[which])]), room, case.get("stride", 0))
    rows = []
    for start, length in zip(windows.starts.numpy(), windows.lengths.numpy(), strict=True):
        kept = list(ids)
        kept[which] = ids[which][start : start + length]
        rows.append(rows_of(folder, *kept))
    return rows if "stride" in case else rows[:1]


def differs_by_window(folder, case):
    """Whether the reference's types are not the template's: `OTHER_TYPES`."""
    whole = rows_of(folder, [0], [0])
    second = whole["types"][whole["sources"].index((1, 0))]
    return case["strategy"] == "only_second" and second != 1


@pytest.mark.slow_after(1)
@WHOLE
def test_long_texts_are_cut_as_in_the_reference(folder):
    for case in golden(folder)["truncated"]:
        known = {"text", "pair", "max_length", "strategy", "stride", "ids", "types"}
        assert set(case) <= known, f"fields that no test covers: {sorted(set(case) - known)}"
        rows = cut(folder, case)
        assert [made["ids"] for made in rows] == case["ids"], case
        assert rows[0]["types"] == case["types"][0], case
        if not differs_by_window(folder, case):
            assert [made["types"] for made in rows] == case["types"], case


@pytest.mark.slow_after(1)
@WHOLE
def test_rows_are_filled_up_as_in_the_reference(folder):
    read = loaded(folder)
    for batch in golden(folder)["batches"]:
        known = {"texts", "pairs", "padding_side", "ids", "types", "mask"}
        assert set(batch) <= known, f"fields that no test covers: {sorted(set(batch) - known)}"
        texts = [batch[name] for name in ("texts", "pairs") if batch[name]]
        parts = [encoded(folder, part, with_places=False)["ids"] for part in texts]
        rows = [rows_of(folder, *ids) for ids in zip(*parts, strict=True)]
        width = max(len(made["ids"]) for made in rows)
        assert read.padding_side == batch["padding_side"]
        before = read.padding_side == "left"
        fills = {"ids": read.tokenizer.special_ids["pad"], "mask": 0}
        fills["types"] = read.segment_fill
        for place, made in enumerate(rows):
            made["mask"] = [1] * len(made["ids"])
            for field, fill in fills.items():
                padding = [fill] * (width - len(made[field]))
                expected = [*padding, *made[field]] if before else [*made[field], *padding]
                assert expected == batch[field][place], (field, batch["texts"][place])


@pytest.mark.slow_after(1)
@WHOLE
def test_a_folder_has_the_vocabulary_of_the_reference(folder):
    known = golden(folder)
    assert set(known) <= ABOUT | PARTS, f"parts that no test covers: {set(known) - ABOUT - PARTS}"
    tokenizer = loaded(folder).tokenizer
    assert tokenizer.vocab_size == known["vocab_size"]
    roles = {ROLES.get(role, role): number for role, number in known["special_ids"].items()}
    assert dict(tokenizer.special_ids) == roles
    assert {path.name for path in folder.iterdir()} - {"cases.json", "cases.json.gz"} == {
        *known["files"]
    }


@pytest.mark.slow
@WHOLE
def test_a_folders_tokenizer_comes_to_know_further_tokens(folder):
    known = loaded(folder).tokenizer
    grown, size = known.with_tokens(["qzebraq", "<qurl>"]), known.vocab_size
    texts = [case["text"] for case in golden(folder)["cases"][:40]]
    for allowed in (False, True):
        expected = known.encode(texts, allow_special=allowed)
        found = grown.encode(texts, allow_special=allowed)
        assert found.ids.tolist() == expected.ids.tolist()
        for name in ("starts", "ends", "words"):
            assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    text = "the qzebraq eats <qurl> qzebraq"
    ids = grown.encode([text]).ids.tolist()
    assert [i - size for i in ids[0] if i >= size] == [0, 1, 0]
    assert tf.function(grown.tokenize)(tf.constant([text])).to_list() == ids
    assert grown.decode(ids) == [text]

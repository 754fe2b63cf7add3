"""A tokenizer.json as a plain description, against the `tokenizers` package."""

import json

import pytest
from learnt_tokenizers import MADE, check_equal, learnt, write_files

from tftransformer.pretrained import read_tokenizer_files
from tftransformer.pretrained.tokenizer_description import Step
from tftransformer.pretrained.tokenizer_json import describe_json


@pytest.mark.parametrize("name", MADE)
def test_a_tokenizer_json_says_the_same_after_it_was_read(name):
    described = describe_json(learnt(name))
    check_equal(described, learnt(name))
    again = describe_json(json.loads(json.dumps(described.to_json())))
    assert again == described


@pytest.mark.parametrize("name", MADE)
def test_a_missing_type_follows_from_what_stands_there(name):
    content = learnt(name)
    del content["model"]["type"]
    if name == "byte_bpe":
        for chain in ("pre_tokenizer", "post_processor", "decoder"):
            del content[chain]["type"]
    if name == "unigram":
        del content["normalizer"]["type"]
    assert describe_json(content) == describe_json(learnt(name))


def test_merges_are_read_in_both_spellings():
    content = learnt("byte_bpe")
    merges = content["model"]["merges"]
    pairs = [line.split(" ") if isinstance(line, str) else line for line in merges]
    for spelling in (pairs, [" ".join(pair) for pair in pairs]):
        content["model"]["merges"] = spelling
        assert describe_json(content) == describe_json(learnt("byte_bpe"))


def test_stored_truncation_and_padding_do_not_act():
    stored = {
        "truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_id": 0},
    }
    assert describe_json(learnt("wordpiece") | stored) == describe_json(learnt("wordpiece"))


def test_old_metaspaces_say_the_same_in_other_words():
    content = learnt("unigram") | {
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}
    }
    (step,) = describe_json(content).pre_tokenizer
    expected = {"replacement": "▁", "prepend_scheme": "never", "split": True}
    assert step == Step("Metaspace", expected)


def changed(*path, value):
    content = learnt("byte_bpe")
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
def test_what_is_malformed_or_unknown_is_named(tmp_path, path, value, said):
    content = changed(*path, value=value)
    with pytest.raises(ValueError, match=said):
        describe_json(content)
    with pytest.raises(
        ValueError, match=f"{tmp_path.name}: the tokenizer cannot be read: .*{said}"
    ):
        read_tokenizer_files(write_files(tmp_path, tokenizer_json=content))

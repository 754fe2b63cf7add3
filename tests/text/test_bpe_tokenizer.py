"""BpeTokenizer: equal to the `tokenizers` package, as GPT has it, in ids, places and texts."""

import functools
import json

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from tftransformer.text import BpeTokenizer

CORPUS = [
    "The cat that they'd seen wasn't there: 1999, 2024 and 31415926 of THEM.",
    "Der größte Hund läßt die Katze — die Katze — nicht in das Haus!!! ... (so ist es)",
] * 3
SIGNS = [*"aeinostHT'-.,! ", "the ", "é", "e\u0301", "İ", "ß", "中", "😀", "\0", "\u200b", "<unk>"]
anything = st.lists(
    st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs"])), max_size=25
).map("".join)


@functools.cache
def pair(lower_case=True):
    """A tokenizer of ours and the same one of the `tokenizers` package."""
    reference = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    reference.normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    reference.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=150,
        end_of_word_suffix="</w>",
        special_tokens=["<unk>"],
        show_progress=False,
    )
    reference.train_from_iterator(CORPUS, trainer)
    ids = reference.get_vocab(with_added_tokens=True)
    merges = [tuple(merge) for merge in json.loads(reference.to_str())["model"]["merges"]]
    reference.encode_special_tokens = True
    ours = BpeTokenizer(sorted(ids, key=ids.get), merges, lower_case=lower_case)
    return ours, reference


def assert_equal(texts, lower_case=True):
    ours, reference = pair(lower_case)
    encoding = ours.encode(texts)
    expected = reference.encode_batch(texts)
    assert encoding.ids.tolist() == [x.ids for x in expected]
    places = list(zip(encoding.starts.tolist(), encoding.ends.tolist(), strict=True))
    assert places == [place for x in expected for place in x.offsets]
    assert encoding.words.tolist() == [word for x in expected for word in x.word_ids]
    decoded = [reference.decode(x.ids, skip_special_tokens=False) for x in expected]
    assert ours.decode(encoding.ids, keep_special=True) == decoded


@pytest.mark.slow
@given(texts=st.lists(anything, max_size=40))
@settings(max_examples=15, deadline=None)
def test_equals_the_reference(texts):
    assert_equal(texts)


@pytest.mark.slow
@given(texts=st.lists(anything, min_size=150, max_size=250))
@settings(max_examples=50, deadline=None)
def test_equals_the_reference_in_either_case(texts):
    assert_equal(texts)
    assert_equal(texts, lower_case=False)


@pytest.mark.slow
def test_what_goes_on_with_a_text_begins_with_a_blank():
    ours, _ = pair()
    ids = ours.encode(["the cat"]).ids
    assert ours.decode(ids) == ["the cat"]
    assert ours.decode(ids, continues=True) == [" the cat"]
    assert ours.decode([[]], continues=True) == [""]


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="lacks the unknown token '<unk>'"):
        BpeTokenizer(["a"], [])
    with pytest.raises(ValueError, match="a merge needs the piece 'ab'"):
        BpeTokenizer(["<unk>", "a", "b"], [("a", "b")])

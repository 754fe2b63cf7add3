"""Classes of characters and the normal form C, as the `tokenizers` package has them."""

import unicodedata

import pytest
import tensorflow as tf
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from tftransformer.text.cutting import translated
from tftransformer.text.normal_form import NormalForm

CHARACTERS = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
MARKS = [c for c in CHARACTERS if unicodedata.combining(c)]
COMPOSED = [c for c in CHARACTERS if unicodedata.normalize("NFD", c) != c]
JAMO = [chr(i) for i in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3))]
PARTS = sorted({part for c in COMPOSED for part in unicodedata.normalize("NFD", c)})
mixed = st.lists(
    st.one_of(*map(st.sampled_from, (MARKS, COMPOSED, JAMO, PARTS, "aeo \u0301\u0323"))),
    max_size=20,
).map("".join)


@pytest.fixture(scope="module")
def normal_form():
    return NormalForm()


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [r"\p{L}", r"\p{N}", r"\s", r"\S", r"\w", r"[^\s\p{L}\p{N}]", r"[^\r\n\PL]", r"\p{^Lu}"],
)
def test_every_character_is_of_the_class_that_it_is_of_in_the_reference(expression):
    remove = normalizers.Replace(tokenizers.Regex(expression), "").normalize_str
    found = tf.strings.regex_full_match(CHARACTERS, translated(expression)).numpy()
    assert [c for c, is_found in zip(CHARACTERS, found, strict=True) if is_found] == [
        c for c in CHARACTERS if not remove(c)
    ]


@pytest.mark.slow
@given(texts=st.lists(mixed, min_size=1, max_size=40))
@settings(max_examples=20, deadline=None)
def test_the_normal_form_equals_the_references(normal_form, texts):
    found = normal_form(tf.constant(texts))
    reference = normalizers.NFC()
    assert [text.decode() for text in found.texts.numpy()] == list(
        map(reference.normalize_str, texts)
    )
    lengths = [len(text.decode()) for text in found.texts.numpy()]
    assert found.source.row_lengths().numpy().tolist() == lengths


@pytest.mark.slow
def test_the_normal_form_of_every_character_equals_the_references(normal_form):
    texts = [f"x{c}" for c in CHARACTERS]
    found = normal_form(tf.constant(texts)).texts.numpy()
    assert [text.decode() for text in found] == list(map(normalizers.NFC().normalize_str, texts))

"""Texts changed before they are cut, against the `tokenizers` package and Python."""

from types import SimpleNamespace

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from tftransformer.text.moses import SIGNS
from tftransformer.text.normal_form import FORMS, NormalForm
from tftransformer.text.rewriting import Rewriter, traced_back

ODD = "ﬁ²Ａ①㍿é e\u0301\u0323\u00a0가각ᄀ\u1161\u11a8ﷺ`'İΣ😀👩‍👧漢"
TEXTS = st.lists(st.text(st.sampled_from(ODD) | st.characters(codec="utf-8"), max_size=12))
SIGNS_BY_CODE = str.maketrans(SIGNS)
PACKAGE = {name: getattr(normalizers, name)() for name in FORMS[:4]}
PACKAGE["lower"] = normalizers.Lowercase()
PACKAGE["moses"] = SimpleNamespace(normalize_str=lambda text: text.translate(SIGNS_BY_CODE))


@pytest.fixture(scope="module", params=FORMS)
def form(request):
    return NormalForm(request.param)


@pytest.mark.slow
@given(texts=TEXTS)
@settings(max_examples=25, deadline=None)
def test_a_form_equals_that_of_the_package(form, texts):
    package = PACKAGE[form.name_of_form]
    made = form(tf.constant(texts, tf.string, [len(texts)]))
    assert [x.decode() for x in made.texts.numpy()] == [package.normalize_str(x) for x in texts]
    for text, source in zip(texts, made.source.to_list(), strict=True):
        assert source == sorted(source)
        assert all(0 <= place < len(text) for place in source)


@pytest.mark.slow
def test_a_form_of_every_character_equals_that_of_the_package(form):
    texts = [f"a{chr(i)}b" for i in range(0x110000) if not 0xD800 <= i < 0xE000]
    package = PACKAGE[form.name_of_form]
    for start in range(0, len(texts), 10**5):
        part = texts[start : start + 10**5]
        made = form(tf.constant(part)).texts.numpy()
        assert [x.decode() for x in made] == [package.normalize_str(x) for x in part]


def test_an_unknown_form_or_step_is_named():
    with pytest.raises(ValueError, match="'NFX' is not known; known: NFC"):
        NormalForm("NFX")
    with pytest.raises(ValueError, match=r"\('swap',\) is not known; known: replace"):
        Rewriter([["swap"]])


@pytest.mark.slow
def test_places_are_those_of_the_given_text():
    rewriter = Rewriter([["replace", "``", '"'], ["form", "NFKD"], ["replace", r"[\x{300}]", ""]])
    texts = tf.constant(["a``bà㎏c", ""])
    made = rewriter.with_places(texts)
    assert [x.decode() for x in made.texts.numpy()] == ['a"bakgc', ""]
    assert [x.decode() for x in rewriter(texts).numpy()] == ['a"bakgc', ""]
    assert made.source.to_list() == [[0, 2, 3, 4, 5, 5, 6], []]
    starts, ends = tf.ragged.constant([[0, 2, 5, 7], [0]]), tf.ragged.constant([[2, 5, 7, 7], [0]])
    starts, ends = traced_back(starts, ends, made.source)
    assert starts.to_list() == [[0, 3, 5, 7], [0]]
    assert ends.to_list() == [[3, 6, 7, 7], [0]]


@pytest.mark.slow
@given(texts=TEXTS)
@settings(max_examples=15, deadline=None)
def test_a_graph_changes_texts_as_eager_calls_do(texts):
    rewriter = Rewriter([["replace", "['`]+", "x\\y"], ["form", "NFKC"], ["lower"]])
    given_texts = tf.constant(texts, tf.string, [len(texts)])
    placed = tf.function(rewriter.with_places)(given_texts)
    assert placed.texts.numpy().tolist() == rewriter(given_texts).numpy().tolist()
    lengths = tf.strings.length(placed.texts, unit="UTF8_CHAR")
    assert placed.source.row_lengths().numpy().tolist() == lengths.numpy().tolist()


def test_what_stands_between_two_texts_is_replaced_and_these_stay():
    steps = [["replace", "", "-", "[ab]", "c"], ["replace", "x", "\\1", "", "y"]]
    rewriter = Rewriter([*steps, ["replace", "", "!", "y$", ""]])
    texts = tf.constant(["acbc", "xxy", "cx", ""])
    made = rewriter.with_places(texts)
    assert [x.decode() for x in made.texts.numpy()] == ["a-cb-c", "x\\1y!", "cx", ""]
    assert rewriter(texts).numpy().tolist() == made.texts.numpy().tolist()
    # What is put in where nothing was stands where the character before it does.
    assert made.source.to_list() == [[0, 0, 1, 2, 2, 3], [0, 1, 1, 2, 2], [0, 1], []]

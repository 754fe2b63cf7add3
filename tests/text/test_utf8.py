"""Bytes that are no UTF-8, against TensorFlow's own conversion."""

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text.utf8 import with_replacements

replaced = tf.function(with_replacements, input_signature=[tf.TensorSpec([None], tf.string)])
ODD = [b"a\xffb", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\xef\xbb\xbfa"]
PIECES = st.one_of(st.text().map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary())


@pytest.mark.slow
@given(texts=st.lists(st.one_of(PIECES, st.sampled_from(ODD)), max_size=3))
@settings(max_examples=300, deadline=None)
def test_it_is_the_conversion_whether_or_not_there_is_something_to_convert(texts):
    texts = tf.constant(texts, tf.string)
    converted = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
    assert replaced(texts).numpy().tolist() == converted.numpy().tolist()

"""Spans without white space at their ends, against `str.strip`."""

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.text import without_white_ends

TEXTS = st.text(st.sampled_from("ab \t\n\x0b\x1c\x85\xa0\u2003\u3000ä🎉"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_spans_are_those_of_the_stripped_words(texts):
    spans = [
        (row, start, end)
        for row, text in enumerate(texts)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
    ]
    rows, starts, ends = zip(*spans, strict=True) if spans else ((), (), ())
    found = without_white_ends(
        tf.constant(texts),
        tf.constant(rows, tf.int64),
        tf.constant(starts, tf.int32),
        tf.constant(ends, tf.int32),
    )
    for (row, start, end), bare_start, bare_end in zip(
        spans, *(x.numpy() for x in found), strict=True
    ):
        word = texts[row][start:end]
        if not word.strip():
            assert bare_start >= bare_end
            continue
        assert bare_start == start + len(word) - len(word.lstrip())
        assert texts[row][bare_start:bare_end] == word.strip()

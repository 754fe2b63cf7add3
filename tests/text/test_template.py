"""Template and truncation: one row from one or two texts, in the graph and outside of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from tftransformer.core import Ragged
from tftransformer.text import Template, truncate, truncate_in_graph

IDS = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "start": 4, "end": 5, "mask": 6}
ROWS = st.lists(st.lists(st.integers(7, 99), max_size=9), max_size=4)
PAIRS = st.lists(st.tuples(*[st.lists(st.integers(7, 99), max_size=9)] * 2), max_size=4)
READY = [Template.bert(), Template.roberta(), Template.xlnet(), Template.plain(), Template()]
NAMES = st.sampled_from(sorted(IDS))


@st.composite
def templates(draw):
    """Any order of texts and special tokens, in any segments."""

    def written(texts):
        names = draw(st.permutations([*texts, *draw(st.lists(NAMES, max_size=4))]))
        return " ".join(f"{name}:{draw(st.integers(0, 2))}" for name in names)

    return Template(written(["a"]), written(["a", "b"]))


def ragged(rows):
    """Rows as both kinds of ragged arrays."""
    packed = Ragged.from_rows(rows)
    return packed, tf.RaggedTensor.from_row_splits(packed.values, packed.row_splits)


def by_hand(written, row):
    """A row as the template reads, and its segments."""
    ids, segments = [], []
    for part in written.split():
        name, _, segment = part.partition(":")
        new = row["ab".index(name)] if name in ("a", "b") else [IDS[name]]
        ids += new
        segments += [int(segment or 0)] * len(new)
    return ids, segments


@pytest.mark.slow
@given(template=st.sampled_from(READY) | templates(), pairs=PAIRS, single=st.booleans())
@settings(max_examples=100, deadline=None)
def test_rows_are_what_the_template_reads_in_the_graph_and_outside(template, pairs, single):
    (first, first_in_graph), (second, second_in_graph) = (
        ragged([pair[side] for pair in pairs]) for side in (0, 1)
    )
    if single:
        second = second_in_graph = None
    written = template.single if single else template.pair
    expected = [by_hand(written, pair) for pair in pairs]
    outside = template(first, second, IDS)
    inside = template.in_graph(first_in_graph, second_in_graph, IDS)
    for found, graph, rows in zip(outside, inside, zip(*expected, strict=True), strict=False):
        assert found.tolist() == graph.to_list() == list(rows)
    for found, graph in zip(outside, inside, strict=True):
        assert (found.values.dtype, graph.dtype) == ("int32", tf.int32)
    texts = first.lengths if single else first.lengths + second.lengths
    special = template.num_special(pair=not single)
    assert (outside[0].lengths == texts + special).all()
    if single:
        before, behind = template.ids_around(IDS)
        assert outside[0].tolist() == [[*before, *row, *behind] for row, _ in pairs]
        assert template.around(fill=9) == ((9,) * len(before), (9,) * len(behind))


def test_slices_of_larger_arrays_are_joined_alike():
    """Rows may be a view into an array that holds others before and behind."""
    view = Ragged(np.arange(10, 20, dtype="int32"), np.array([3, 5, 5, 8]))
    ids, _ = Template.bert()(view, view, IDS)
    assert ids.tolist() == [[2, 13, 14, 3, 13, 14, 3], [2, 3, 3], [2, *[15, 16, 17, 3] * 2]]


@pytest.mark.parametrize(
    ("template", "single", "pair"),
    [
        (Template.bert(), "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
        (Template.roberta(), "[CLS] $A [SEP]", "[CLS] $A [SEP] [SEP] $B [SEP]"),
        (Template.xlnet(), "$A [SEP] [CLS]:2", "$A [SEP] $B:1 [SEP]:1 [CLS]:2"),
        (Template.plain(), "[S] $A [E]", "[S] $A [E] $B [E]"),
        (Template(), "$A", "$A $B"),
    ],
    ids=["bert", "roberta", "xlnet", "plain", "none"],
)
@given(pairs=PAIRS, max_length=st.integers(6, 14))
@settings(max_examples=40, deadline=None)
def test_templates_and_truncation_equal_the_reference(template, single, pair, pairs, max_length):
    names = {"[CLS]": IDS["cls"], "[SEP]": IDS["sep"], "[S]": IDS["start"], "[E]": IDS["end"]}
    words = {str(i): i for i in range(100)} | names
    reference = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="1"))
    reference.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    special = [(name, i) for name, i in names.items() if name in pair]
    reference.post_processor = TemplateProcessing(single=single, pair=pair, special_tokens=special)
    reference.enable_truncation(max_length)
    for is_pair in (True, False):
        sides = range(1 + is_pair)
        texts = [Ragged.from_rows([pair[side] for pair in pairs]) for side in sides]
        *texts, _ = truncate(
            texts[0], texts[1] if is_pair else None, max_length - template.num_special(is_pair)
        )
        found = template(*texts, IDS)
        for row, both in enumerate(pairs):
            said = reference.encode(*(" ".join(map(str, both[side])) for side in sides))
            assert found[0][row].tolist() == said.ids
            assert found[1][row].tolist() == said.type_ids


@pytest.mark.slow
@given(pairs=PAIRS, max_tokens=st.integers(0, 15), single=st.booleans())
@settings(max_examples=100, deadline=None)
def test_truncation_tells_what_it_cut_in_the_graph_and_outside(pairs, max_tokens, single):
    both = [ragged([pair[side] for pair in pairs]) for side in (0, 1)]
    outside = truncate(both[0][0], None if single else both[1][0], max_tokens)
    inside = truncate_in_graph(both[0][1], None if single else both[1][1], max_tokens)
    sides = range(2 - single)
    for row, pair in enumerate(pairs):
        kept = [outside[side][row].tolist() for side in sides]
        length, most = sum(len(pair[side]) for side in sides), sum(map(len, kept))
        assert most == min(length, max_tokens)
        assert outside[2][row] == length - most
        assert all(pair[side][: len(kept[side])] == kept[side] for side in sides)
    assert [outside[side].tolist() for side in sides] == [inside[side].to_list() for side in sides]
    assert outside[2].tolist() == inside[2].numpy().tolist()


@given(template=templates())
@settings(max_examples=30, deadline=None)
def test_a_template_comes_back_from_its_configuration(template):
    config = keras.saving.serialize_keras_object(template)
    back = keras.saving.deserialize_keras_object(config)
    assert back == template
    assert (hash(back), repr(back)) == (hash(template), repr(template))
    assert template != Template("mask a mask mask mask mask mask", "a b")


@pytest.mark.slow
def test_the_graph_form_is_traced_once_for_any_batch():
    spec = tf.RaggedTensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[spec, spec])
    def joined(first, second):
        return Template.bert().in_graph(*truncate_in_graph(first, second, 3)[:2], IDS)

    for rows in ([], [[7]], [[7, 8, 9, 10], []]):
        ids, segments = joined(*(tf.ragged.constant(rows, tf.int32, ragged_rank=1),) * 2)
        assert ids.nrows() == segments.nrows() == len(rows)


def test_a_template_without_segments_makes_the_same_rows_in_one():
    assert Template.bert().without_segments() == Template("cls a sep", "cls a sep b sep")
    assert Template.roberta().without_segments() == Template.roberta()


def test_a_special_token_that_the_vocabulary_lacks_is_named():
    rows, in_graph = ragged([[7]])
    for join, text in ((Template.bert(), rows), (Template.bert().in_graph, in_graph)):
        with pytest.raises(ValueError, match=r"'cls a sep'.*needs a special token 'cls'.*'pad'"):
            join(text, None, {"pad": 0})


def test_a_pair_of_unequal_numbers_is_an_error():
    with pytest.raises(ValueError, match="2 first and 1 second"):
        Template()(Ragged.from_rows([[7], [8]]), Ragged.from_rows([[7]]), IDS)


@pytest.mark.parametrize("single", ["", "a a", "a b", "cls a eos", "a:x sep", "a: sep", 3, "cls"])
def test_what_is_no_template_is_an_error(single):
    with pytest.raises(ValueError, match=r"single=.* was given; expected a once"):
        Template(single)
    with pytest.raises(ValueError, match=r"pair=.*'a'.*a and b"):
        Template("a", "a")


def test_a_limit_that_is_none_is_an_error():
    for limit in (-1, 2.5, None):
        with pytest.raises(ValueError, match="max_tokens"):
            truncate(Ragged.from_rows([[7]]), None, limit)

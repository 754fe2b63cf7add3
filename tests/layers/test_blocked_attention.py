"""Attention in blocks of queries is attention at once, and does no more than a window asks for."""

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.layers import SoftmaxAttention, blocked_attention
from tftransformer.layers.blocked_attention import Window, are_many, window_of
from tftransformer.masks import (
    CausalMask,
    Mask,
    PaddingMask,
    PrefixMask,
    Reach,
    SlidingWindowMask,
)

MASKS = {
    "causal": CausalMask() & PaddingMask(),
    "window": SlidingWindowMask(2, 1) & PaddingMask(),
    "causal window": CausalMask() & SlidingWindowMask(3),
    "all": PaddingMask(),
}


class Unbounded(Mask):
    """A mask that does not say how far it reaches."""

    def __init__(self, mask):
        self.mask = mask

    def visible(self, context):
        return self.mask(context)


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    """Blocks of four queries, as many as there are scores."""
    monkeypatch.setattr(blocked_attention, "BLOCK", 4)

    def limit(many):
        monkeypatch.setattr(blocked_attention, "MANY_SCORES", many)

    return limit


def situation(queries, memory, heads, shared, seed=0):
    """Queries, keys and values, behind a memory, and what masks read of them."""
    rng = np.random.default_rng(seed)
    shapes = (3, heads, queries, 6), *[(3, shared, queries + memory, 6)] * 2
    given = [tf.constant(rng.normal(size=shape), "float32") for shape in shapes]
    padding_mask = rng.random((3, queries + memory)) < 0.8
    padding_mask[1] = False  # a row that sees nothing
    return given, {"padding_mask": tf.constant(padding_mask)}


def attended(core, mask, memory, context, *given, training=False):
    """What is seen, and the gradients of queries, keys and values."""
    columns = tf.range(tf.shape(given[0])[2]) + memory
    keys = tf.range(tf.shape(given[1])[2]) - memory
    positions = {"query_positions": columns - memory, "key_positions": keys}
    context = context | positions | {"query_columns": columns}
    with tf.GradientTape() as tape:
        tape.watch(given)
        told = {"context": context, "expression": mask, "training": training}
        seen, _ = core(*given, mask=mask(context), **told)
        loss = tf.reduce_sum(tf.sin(3 * seen))
    return seen, *tape.gradient(loss, given)


WAYS = {
    "eager": lambda function, given: function,
    "graph": lambda function, given: tf.function(function, autograph=False),
    "unknown lengths": lambda function, given: of_unknown_lengths(function, given),
    "XLA": lambda function, given: tf.function(function, autograph=False, jit_compile=True),
    "XLA, unknown lengths": lambda function, given: of_unknown_lengths(function, given, True),
}


def of_unknown_lengths(function, given, jit_compile=False):
    """A graph in which no length is known when it is made."""
    shapes = [[None if size > 4 and size != 6 else size for size in x.shape] for x in given]
    return tf.function(
        function,
        autograph=False,
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec(shape) for shape in shapes],
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_blocks_are_all_queries_at_once(way, mask, blocks):
    sizes = (11, 0, 2, 2, None), (13, 3, 4, 2, 1.5), (5, 0, 4, 1, None)
    for queries, memory, heads, shared, cap in sizes:
        given, context = situation(queries, memory, heads, shared)
        core = SoftmaxAttention(score_cap=cap)

        def run(*given, core=core, memory=memory, context=context):
            return attended(core, mask, memory, context, *given)

        blocks(10**9)
        expected = attended(core, Unbounded(mask), memory, context, *given)
        blocks(0)
        for one, other in zip(WAYS[way](run, given)(*given), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_graph_for_any_length_decides_when_it_runs(blocks):
    @tf.function(input_signature=[tf.TensorSpec([None, 2, None, 3])] * 2)
    def many(query, key):
        return are_many(query, key, Window()), are_many(query, key, Window(1, 1))

    blocks(100)
    found = {
        (queries, keys): [
            bool(x) for x in many(tf.zeros((1, 2, queries, 3)), tf.zeros((1, 2, keys, 3)))
        ]
        for queries, keys in ((0, 0), (4, 999), (9, 9), (9, 12), (70_000, 70_000))
    }
    assert found == {
        (0, 0): [False, False],
        (4, 999): [False, False],
        (9, 9): [False, True],
        (9, 12): [True, True],
        (70_000, 70_000): [True, True],
    }


@pytest.mark.parametrize("shared", [2, 1])
def test_where_lengths_are_not_known_short_texts_are_attended_to_at_once(blocks, shared):
    blocks(10**9)
    given, context = situation(4, 3, 2, shared)
    core = SoftmaxAttention(dropout=0.4)

    def run(*given):
        core.dropout.seed_generator.state.assign([5, 7])
        return attended(core, MASKS["causal"], 3, context, *given, training=True)

    found = WAYS["unknown lengths"](run, given)(*given)
    for one, other in zip(found, run(*given), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("mask", [MASKS["window"], MASKS["causal"]], ids=["window", "causal"])
def test_the_gradient_under_dropout_is_that_of_what_was_dropped(mask, blocks):
    blocks(0)
    given, context = situation(11, 0, 2, 2)
    core = SoftmaxAttention(dropout=0.4)

    def loss(*given):
        core.dropout.seed_generator.state.assign([5, 7])
        positions = dict.fromkeys(("query_positions", "key_positions"), tf.range(11))
        told = context | positions | {"query_columns": tf.range(11)}
        seen, _ = core(*given, mask=mask(told), context=told, expression=mask, training=True)
        return tf.reduce_sum(tf.sin(seen))

    with tf.GradientTape() as tape:
        tape.watch(given)
        value = loss(*given)
    gradients = tape.gradient(value, given)
    assert float(value) == float(loss(*given))
    rng = np.random.default_rng(1)
    for place, gradient in enumerate(gradients):
        step = tf.constant(rng.normal(size=gradient.shape), "float32")
        sides = []
        for sign in (1, -1):
            moved = list(given)
            moved[place] = moved[place] + sign * 1e-2 * step
            sides.append(float(loss(*moved)))
        change = float(tf.reduce_sum(gradient * step))
        assert (sides[0] - sides[1]) / 2e-2 == pytest.approx(change, abs=0.02)


def test_a_window_costs_what_it_reaches(blocks, monkeypatch):
    blocks(10**9)
    found = []
    softmax = blocked_attention.masked_softmax

    def noting(scores, *visible):
        found.append(tuple(scores.shape[-2:]))
        return softmax(scores, *visible)

    monkeypatch.setattr(blocked_attention, "masked_softmax", noting)
    given, context = situation(22, 0, 2, 2)
    attended(SoftmaxAttention(), MASKS["window"], 0, context, *given)
    assert set(found) == {(4, 4 + 3)}
    assert len(found) == 2 * 6  # the gradient makes them once more
    found.clear()
    blocks(0)
    attended(SoftmaxAttention(), MASKS["causal"], 0, context, *given)
    assert {keys for _, keys in found} == {4, 12, 16, 22}


def test_whether_a_query_sees_anything_is_asked_once(blocks):
    """XLA would reduce each block of a mask without padding while it compiles, for seconds."""
    blocks(0)
    given, context = situation(22, 0, 2, 2)
    places = dict.fromkeys(("query_positions", "key_positions", "query_columns"), tf.range(22))
    core, mask, context = SoftmaxAttention(), MASKS["causal"], context | places

    def run(*given):
        return core(*given, mask=mask(context), context=context, expression=mask)[0]

    graph = tf.function(run, autograph=False).get_concrete_function(*given).graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert [node.op for node in nodes].count("Any") == 1
    assert any("While" in node.op for node in nodes)


class Chunks(Mask):
    """Each query sees its chunk of five."""

    def visible(self, context):
        query, key = context["query_positions"], context["key_positions"]
        return query[..., :, None] // 5 == key[..., None, :] // 5

    def reach(self, first, last, context=None):
        return Reach(first // 5 * 5, last // 5 * 5 + 4)


def test_what_is_not_known_of_a_mask_is_not_left_out():
    columns = {"query_columns": tf.range(3)}
    assert window_of(SlidingWindowMask(2, 1), columns)[:2] == (2, 1)
    assert window_of(CausalMask(), columns)[:2] == (None, 0)
    for mask in (PaddingMask(), CausalMask() | PrefixMask(), ~CausalMask(), Chunks(), None):
        assert window_of(mask, columns) == Window()
    assert window_of(SlidingWindowMask(2), {}) == Window()
    assert window_of(SlidingWindowMask(2), columns | {"key_order": None}) == Window()


def test_short_texts_are_attended_to_at_once(blocks):
    blocks(100)

    def many(queries, keys, window):
        return are_many(tf.zeros((1, 2, queries, 3)), tf.zeros((1, 2, keys, 3)), window)

    assert many(4, 999, Window()) is False
    assert many(9, 9, Window()) is False
    assert many(9, 12, Window()) is True
    assert many(9, 11, Window(1, 1)) is True
    assert many(8, 8, Window(None, 0)) is True
    assert many(7, 7, Window(None, 0)) is False
    assert many(9, 7, Window(1, 1)) is False

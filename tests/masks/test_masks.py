"""Each mask, and each expression of masks, equals plain Python on every pair of positions."""

import copy
import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

import tftransformer.masks as masks
from tftransformer.masks import (
    And,
    CausalMask,
    DocumentMask,
    Mask,
    MemoryMask,
    Not,
    Or,
    PaddingMask,
    PermutationMask,
    PrefixMask,
    SameLengthMask,
    SlidingWindowMask,
    TensorMask,
)
from tftransformer.stacks import Decoder, Encoder

RANKS = np.array([[3, 0, 4, 1, 5, 2], [0, 5, 1, 2, 4, 3]])


def context(queries, keys, batched):
    """A context for two rows; `batched` gives each row positions of its own."""
    random = np.random.default_rng(len(queries) * 10 + len(keys))
    shapes = (2, len(queries), len(keys))
    queries, keys = np.array(queries), np.array(keys)
    if batched:  # the second row stands one position earlier
        queries = np.stack([queries, np.maximum(queries - 1, 0)])
        keys = np.stack([keys, keys - 1])
    return {
        "query_positions": queries,
        "key_positions": keys,
        "padding_mask": random.random((2, shapes[2])) < 0.7,
        "query_documents": random.integers(0, 2, shapes[:2]),
        "key_documents": random.integers(0, 2, (2, shapes[2])),
        "prefix_lengths": np.array([2, 0]),
        "memory_lengths": np.array([2, 1]),
        "permutation": RANKS,
        "attention_mask": random.random(shapes) < 0.5,
    }


SITUATIONS = {
    "training": context(range(5), range(5), False),
    "each row its own positions": context(range(5), range(5), True),
    "a step with a cache": context([3], range(6), False),
    "a step with a cache, each row its own": context([3], range(6), True),
    "several tokens with a cache": context([2, 3], range(6), False),
    "memory": context(range(4), range(-3, 4), False),
    "memory, each row its own": context(range(4), range(-3, 4), True),
}


def visible(mask, given, row, i, j):
    """Whether column i of the queries sees column j of the keys, by the words of the papers."""
    own = {name: x if x.ndim == 1 and "positions" in name else x[row] for name, x in given.items()}
    query, key = own["query_positions"][i], own["key_positions"][j]
    match mask:
        case And():
            return visible(mask.left, given, row, i, j) and visible(mask.right, given, row, i, j)
        case Or():
            return visible(mask.left, given, row, i, j) or visible(mask.right, given, row, i, j)
        case Not():
            return not visible(mask.mask, given, row, i, j)
        case CausalMask():
            return key <= query
        case SlidingWindowMask():
            return query - mask.before <= key <= query + mask.after
        case SameLengthMask():
            return key >= query - own["memory_lengths"]
        case PaddingMask():
            return own["padding_mask"][j]
        case PrefixMask():
            return key < own["prefix_lengths"]
        case DocumentMask():
            return own["query_documents"][i] == own["key_documents"][j]
        case MemoryMask():
            return key >= -own["memory_lengths"]
        case PermutationMask():
            if key < 0:
                return True
            rank = own["permutation"]
            return rank[key] < rank[query] or (mask.stream == "content" and key == query)
        case TensorMask():
            return own[mask.entry][i, j]


def brute_force(mask, given):
    queries = given["query_positions"].shape[-1]
    keys = given["key_positions"].shape[-1]
    return np.array([
        [[[visible(mask, given, row, i, j) for j in range(keys)] for i in range(queries)]]
        for row in range(2)
    ])  # fmt: skip


LEAVES = [
    CausalMask(),
    SlidingWindowMask(2),
    SlidingWindowMask(1, after=1),
    PaddingMask(),
    PrefixMask(),
    DocumentMask(),
    MemoryMask(),
    SameLengthMask(),
    PermutationMask(),
    PermutationMask("query"),
    TensorMask(),
]
EXPRESSIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda parts: st.one_of(
        st.builds(lambda a, b: a & b, parts, parts),
        st.builds(lambda a, b: a | b, parts, parts),
        st.builds(lambda a: ~a, parts),
    ),
    max_leaves=5,
)


def assert_equals_brute_force(mask, given):
    result = np.array(mask(given))
    assert result.dtype == bool
    assert result.ndim == 4
    expected = brute_force(mask, given)
    np.testing.assert_array_equal(np.broadcast_to(result, expected.shape), expected)


@pytest.mark.slow_after(47)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("mask", LEAVES, ids=repr)
def test_a_mask_is_its_definition(mask, situation):
    assert_equals_brute_force(mask, SITUATIONS[situation])


@settings(max_examples=60, deadline=None)
@given(mask=EXPRESSIONS, situation=st.sampled_from(sorted(SITUATIONS)))
def test_an_expression_is_its_definition(mask, situation):
    assert_equals_brute_force(mask, SITUATIONS[situation])


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(mask=EXPRESSIONS, situation=st.sampled_from(sorted(SITUATIONS)), told=st.booleans())
def test_no_visible_key_lies_beyond_the_reach(mask, situation, told):
    given = SITUATIONS[situation]
    queries, keys = given["query_positions"], given["key_positions"]
    low, high = mask.reach(int(queries.min()), int(queries.max()), given if told else None)
    visible = np.array(mask(given))[:, 0]
    seen = np.broadcast_to(keys[..., None, :], visible.shape)[visible]
    assert low is None or np.all(seen >= low)
    assert high is None or np.all(seen <= high)
    if mask.is_causal:
        later = keys[..., None, :] > queries[..., :, None]
        assert not np.any(visible & later)


def test_the_reach_of_some_expressions():
    causal, window, memory = CausalMask(), SlidingWindowMask(2, after=1), MemoryMask()
    context = {"memory_lengths": np.array([2, 1])}
    assert causal.reach(3, 5) == (None, 5)
    assert window.reach(3, 5) == (1, 6)
    assert (causal & window & PaddingMask()).reach(3, 5) == (1, 5)
    assert (causal | window).reach(3, 5) == (None, 6)
    assert (~causal).reach(3, 5) == PaddingMask().reach(3, 5) == (None, None)
    assert memory.reach(0, 3) == (None, None)
    assert [int(memory.reach(0, 3, context).low), memory.reach(0, 3, context).high] == [-2, None]
    assert (causal & memory).reach(0, 3, context).high == 3
    assert [mask.is_causal for mask in (causal & memory, causal | memory)] == [True, False]
    assert SlidingWindowMask(2).is_causal


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(mask=EXPRESSIONS, other=EXPRESSIONS)
def test_an_expression_prints_compares_and_serialises_as_it_is_written(mask, other):
    again = eval(repr(mask), vars(masks))
    assert again == mask
    assert hash(again) == hash(mask)
    assert repr(again) == repr(mask)
    assert (mask == other) == (repr(mask) == repr(other))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(mask)))
    assert keras.saving.deserialize_keras_object(config) == mask
    assert type(mask).from_config(mask.get_config()) == mask
    assert copy.deepcopy(mask) == mask


@pytest.mark.parametrize(
    ("mask", "written"),
    [
        (CausalMask() & PaddingMask(), "CausalMask() & PaddingMask()"),
        (
            (CausalMask() | PrefixMask()) & PaddingMask(),
            "(CausalMask() | PrefixMask()) & PaddingMask()",
        ),
        (CausalMask() & ~PaddingMask(), "CausalMask() & ~PaddingMask()"),
        (~(CausalMask() & PaddingMask()), "~(CausalMask() & PaddingMask())"),
        (~CausalMask() & PaddingMask(), "~CausalMask() & PaddingMask()"),
        (
            CausalMask() | PrefixMask() & PaddingMask(),
            "CausalMask() | PrefixMask() & PaddingMask()",
        ),
        (
            CausalMask() & (PrefixMask() & PaddingMask()),
            "CausalMask() & (PrefixMask() & PaddingMask())",
        ),
        (
            CausalMask() & PrefixMask() & PaddingMask(),
            "CausalMask() & PrefixMask() & PaddingMask()",
        ),
    ],
)
def test_repr(mask, written):
    assert repr(mask) == written


def test_what_differs_is_not_equal():
    assert SlidingWindowMask(2) != SlidingWindowMask(3)
    assert SlidingWindowMask(2) == SlidingWindowMask(before=2, after=0)
    assert CausalMask() & PaddingMask() != PaddingMask() & CausalMask()
    assert CausalMask() & PaddingMask() != CausalMask() | PaddingMask()
    assert CausalMask() != "CausalMask()"
    assert len({CausalMask(), CausalMask(), PaddingMask()}) == 2


@pytest.mark.parametrize(
    ("mask", "entry", "how"),
    [
        (CausalMask(), "query_positions", "(queries,)"),
        (PaddingMask(), "padding_mask", "(batch, keys)"),
        (PrefixMask(), "prefix_lengths", "(batch,)"),
        (DocumentMask(), "query_documents", "(batch, queries)"),
        (MemoryMask(), "memory_lengths", "memory positions"),
        (PermutationMask(), "permutation", "(batch, length)"),
        (TensorMask("alignment"), "alignment", "this mask reads"),
    ],
)
def test_a_missing_entry_is_named_with_its_mask_and_how_to_supply_it(mask, entry, how):
    given = {k: v for k, v in SITUATIONS["training"].items() if k != entry}
    for expression in (mask, ~mask, TensorMask() & (mask | CausalMask())):
        with pytest.raises(ValueError) as error:
            expression(given)
        for word in (repr(mask), repr(entry), f"context={{{entry!r}", how, "'attention_mask'"):
            assert word in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: PermutationMask("both"), ValueError, "'both'"),
        (lambda: SlidingWindowMask(-1), ValueError, "before=-1"),
        (lambda: CausalMask() & True, TypeError, "True"),
        (lambda: Not("causal"), TypeError, "'causal'"),
    ],
)
def test_a_wrong_argument_is_named(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()


def test_int32_and_int64_entries_mix():
    """NumPy counts in int64 and Keras in int32."""
    given = SITUATIONS["memory"]
    for name in ("query_positions", "key_positions", "prefix_lengths", "memory_lengths"):
        mixed = {**given, name: ops.cast(given[name], "int32")}
        mixed = {k: ops.convert_to_tensor(v) for k, v in mixed.items()}
        for mask in LEAVES:
            np.testing.assert_array_equal(mask(mixed), mask(given))


def test_heads_may_see_differently():
    entry = np.arange(2 * 3 * 2 * 4).reshape(2, 3, 2, 4) % 3 == 0
    mask = TensorMask("heads") & PaddingMask()
    padding = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], bool)
    result = mask({"heads": entry, "padding_mask": padding})
    np.testing.assert_array_equal(result, entry & padding[:, None, None])


@keras.saving.register_keras_serializable("tests")
class EveryThirdMask(Mask):
    """A mask of a user's own."""

    def __init__(self, offset=0):
        self.offset = offset

    def visible(self, context):
        query, key = context["query_positions"], context["key_positions"]
        return ops.equal((query[:, None] - key[None, :]) % 3, self.offset)


def test_a_mask_of_ones_own_takes_part():
    mask = ~EveryThirdMask(1) & CausalMask()
    assert repr(mask) == "~EveryThirdMask(offset=1) & CausalMask()"
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(mask)))
    again = keras.saving.deserialize_keras_object(config)
    assert again == mask
    queries = np.arange(5)
    expected = [[j <= i and (i - j) % 3 != 1 for j in range(5)] for i in range(5)]
    result = again({"query_positions": queries, "key_positions": queries})
    np.testing.assert_array_equal(result[0, 0], expected)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CausalMask() and PaddingMask(),
        lambda: CausalMask() or PaddingMask(),
        lambda: not CausalMask(),
    ],
)
def test_and_or_and_not_are_refused_with_the_signs_that_are_meant(wrong):
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        wrong()


class Own(Mask):
    """A mask that returns what a test wants."""

    def __init__(self, rule):
        self.rule = rule

    def visible(self, context):
        return self.rule(context)


@pytest.mark.parametrize("values", [np.array([[0.0, -1e9]]), np.array([[1, 0]])])
def test_numbers_in_place_of_truth_are_refused(values):
    for mask in (Own(lambda _: values), ~Own(lambda _: values)):
        with pytest.raises(TypeError, match="returns bool, True = may attend"):
            mask({})


@pytest.mark.parametrize("mask", [PaddingMask(), TensorMask("padding_mask")])
def test_numbers_to_add_are_refused_and_ones_and_zeros_understood(mask):
    with pytest.raises(TypeError, match="padding_mask holds negative floats"):
        mask({"padding_mask": np.array([[0.0, -1e9]], "float32")})
    for dtype in ("int32", "float32", "bool"):
        given = {"padding_mask": np.array([[1, 0]], dtype)}
        np.testing.assert_array_equal(mask(given), [[[[True, False]]]])


def test_a_key_error_of_the_users_own_code_stays_one():
    with pytest.raises(KeyError, match="table"):
        Own(lambda context: {}["table"])({"query_positions": np.arange(3)})


def test_masks_with_lists_and_arrays_compare_and_hash():
    @keras.saving.register_keras_serializable("tests")
    class Listed(Own):
        pass

    assert Listed([1, [2]]) == Listed((1, (2,)))
    assert hash(Listed([1, [2]]) & CausalMask()) == hash(Listed((1, (2,))) & CausalMask())
    assert Listed(np.arange(3)) == Listed(np.arange(3)) != Listed(np.arange(4))
    assert len({Listed({"a": [1]}), Listed({"a": [1]}), Listed({"a": [2]})}) == 2


@pytest.mark.parametrize("wrong", ["causal", CausalMask, np.tril(np.ones((3, 3), bool))])
def test_what_is_no_mask_is_refused_when_the_stack_is_made(wrong):
    with pytest.raises(TypeError, match="mask"):
        Encoder(1, 8, 2, 8, mask=wrong)
    with pytest.raises(TypeError, match="cross_mask"):
        Decoder(1, 8, 2, 8, cross_mask=wrong)


def test_a_mask_without_a_rule_says_so():
    class Empty(Mask):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define visible"):
        Empty()({})

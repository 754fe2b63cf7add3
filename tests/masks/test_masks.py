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


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("mask", LEAVES, ids=repr)
def test_a_mask_is_its_definition(mask, situation):
    assert_equals_brute_force(mask, SITUATIONS[situation])


@settings(max_examples=60, deadline=None)
@given(mask=EXPRESSIONS, situation=st.sampled_from(sorted(SITUATIONS)))
def test_an_expression_is_its_definition(mask, situation):
    assert_equals_brute_force(mask, SITUATIONS[situation])


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


def test_a_mask_without_a_rule_says_so():
    class Empty(Mask):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define visible"):
        Empty()({})

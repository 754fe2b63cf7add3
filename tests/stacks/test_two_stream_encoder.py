"""The query stream predicts tokens it does not see; the content stream is as without it."""

import numpy as np
import pytest

from tftransformer.layers import LayerState, MultiHeadAttention, RelativeScorer, StackState
from tftransformer.masks import PermutationMask
from tftransformer.stacks import TwoStreamEncoder

D, LAYERS, LENGTH = 8, 2, 5
RANKS = np.array([[3, 0, 4, 1, 2], [0, 4, 1, 2, 3]])
TARGETS = np.array([[2, 0], [4, 1]])  # columns
MAPPING = np.eye(LENGTH, dtype="float32")[TARGETS]


@pytest.fixture
def stack():
    attention = MultiHeadAttention(D, 2, use_bias=False, scorer=RelativeScorer(D))
    return TwoStreamEncoder(LAYERS, D, 2, 12, mask=PermutationMask("query"), attention=attention)


def run(stack, x, **given):
    state = StackState([LayerState() for _ in stack.layers])
    y = np.array(stack(x, context={"permutation": RANKS}, state=state, **given))
    return y, [np.array(hidden) for hidden in state.hidden_states]


def test_the_content_stream_is_as_without_targets(stack, vectors):
    x = vectors(2, LENGTH, D)
    alone, states = run(stack, x)
    both, streams = run(stack, x, target_mapping=MAPPING)
    assert alone.shape == (2, LENGTH, D)
    assert both.shape == (2, 2, D)
    assert len(streams) == 2 * len(states)
    for content, expected in zip(streams[::2], states, strict=True):
        np.testing.assert_allclose(content, expected, atol=1e-6)
    memory, expected = stack.update_memory(streams), stack.update_memory(states)
    for kept, wanted in zip(memory, expected, strict=True):
        np.testing.assert_allclose(kept, wanted, atol=1e-6)


@pytest.mark.slow
def test_a_target_depends_on_lower_ranks_alone(stack, vectors):
    x = vectors(2, LENGTH, D)
    before, _ = run(stack, x, target_mapping=MAPPING)
    for column in range(LENGTH):
        changed = x.copy()
        changed[:, column] += 1
        after, _ = run(stack, changed, target_mapping=MAPPING)
        for row, target in np.ndindex(2, 2):
            sees = RANKS[row, column] < RANKS[row, TARGETS[row, target]]
            moved = np.any(np.abs(after[row, target] - before[row, target]) > 1e-7)
            assert moved == sees


@pytest.mark.slow
def test_a_target_alone_is_the_target_among_others(stack, vectors):
    x = vectors(2, LENGTH, D)
    both, _ = run(stack, x, target_mapping=MAPPING)
    for n in range(2):
        alone, _ = run(stack, x, target_mapping=MAPPING[:, n : n + 1])
        np.testing.assert_allclose(alone[:, 0], both[:, n], atol=1e-6)

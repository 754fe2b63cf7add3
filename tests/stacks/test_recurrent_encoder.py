"""Segments with memory are one long pass; the memory is what the layers were given."""

import numpy as np
import pytest
from keras import ops

from tftransformer.layers import LayerState, MultiHeadAttention, RelativeScorer, StackState
from tftransformer.masks import CausalMask, MemoryMask, PaddingMask
from tftransformer.stacks import RecurrentEncoder

D, LAYERS = 8, 2


def make(**options):
    attention = MultiHeadAttention(D, 2, use_bias=False, scorer=RelativeScorer(D, future=False))
    return RecurrentEncoder(LAYERS, D, 2, 12, attention=attention, **options)


def run(stack, x, memory=None, **given):
    """The output, the state and the next memory."""
    state = StackState([LayerState() for _ in stack.layers])
    y = stack(x, memory=memory, state=state, **given)
    return np.array(y), state, stack.update_memory(state.hidden_states, memory)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("norm", ["post", "pre"])
def test_segments_are_one_long_pass(norm, vectors):
    stack, x = make(norm=norm), vectors(2, 9, D)
    whole, _, _ = run(stack, x)
    memory, parts = None, []
    for start, end in ((0, 3), (3, 4), (4, 9)):
        part, _, memory = run(stack, x[:, start:end], memory)
        parts.append(part)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_the_memory_is_what_each_layer_was_given(vectors):
    stack = make(memory_length=4)
    old = [vectors(2, 3, D, seed=seed) for seed in (1, 2)]
    _, state, memory = run(stack, vectors(2, 2, D), old)
    for layer in range(LAYERS):
        both = np.concatenate([old[layer], state.hidden_states[layer]], axis=1)
        np.testing.assert_array_equal(memory[layer], both[:, -4:])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("kept", "reused", "expected"), [(None, None, 8), (4, None, 4), (0, 2, 0), (None, 2, 5)]
)
def test_how_much_is_kept(kept, reused, expected, vectors):
    stack = make(memory_length=kept, reuse_length=reused)
    old = [vectors(2, 3, D)] * LAYERS
    _, state, memory = run(stack, vectors(2, 5, D, seed=1), old)
    assert [part.shape for part in memory] == [(2, expected, D)] * LAYERS
    if reused and expected:
        np.testing.assert_array_equal(memory[1][:, -2:], state.hidden_states[1][:, :2])


def test_a_memory_that_is_filled_in_part(vectors):
    """Rows that are not filled are as good as absent, row by row."""
    stack, x = make(), vectors(2, 3, D)
    memory = [vectors(2, 4, D, seed=seed) for seed in (1, 2)]
    lengths = np.array([1, 3], "int32")
    partly, _, _ = run(stack, x, memory, context={"memory_lengths": lengths})
    for row, length in enumerate(lengths):
        alone, _, _ = run(stack, x[row : row + 1], [m[row : row + 1, -length:] for m in memory])
        np.testing.assert_allclose(partly[row], alone[0], atol=1e-5)


@pytest.mark.slow
def test_padding_lies_after_the_memory(vectors):
    stack = make(mask=CausalMask() & MemoryMask() & PaddingMask())
    x, memory = vectors(1, 4, D), [vectors(1, 2, D, seed=1)] * LAYERS
    real = np.array([[True, False, True, True]])
    before, state, _ = run(stack, x, memory, padding_mask=real)
    assert np.all(np.array(state.layers[0].self_attention.weights)[..., 1:, 3] == 0)
    x[:, 1] += 1
    after, _, _ = run(stack, x, memory, padding_mask=real)
    np.testing.assert_array_equal(before[:, [0, 2, 3]], after[:, [0, 2, 3]])


@pytest.mark.slow
def test_a_memory_stands_before_the_first_token_also_of_a_padded_row(vectors):
    stack = make(memory_length=4, mask=CausalMask() & MemoryMask() & PaddingMask())
    x, old = vectors(2, 5, D), [vectors(2, 3, D, seed=seed) for seed in (1, 2)]
    real = np.arange(5) >= np.array([[2], [0]])
    found, state, _ = run(stack, x, old, padding_mask=real)
    memory = stack.update_memory(state.hidden_states, old, real)
    for row, leading in enumerate((2, 0)):
        given = x[row : row + 1, leading:], [part[row : row + 1] for part in old]
        alone, _, kept = run(stack, *given)
        np.testing.assert_allclose(found[row, leading:], alone[0], atol=1e-5)
        for part, own in zip(memory, kept, strict=True):
            np.testing.assert_allclose(part[row], own[0], atol=1e-5)


@pytest.mark.slow
def test_no_gradient_goes_through_the_memory(vectors, pull):
    stack, x = make(), vectors(1, 3, D)

    def loss(past):
        state = StackState([LayerState() for _ in stack.layers])
        now = stack(past, state=state)
        later = stack(x, memory=stack.update_memory(state.hidden_states))
        return ops.sum(later**2) + 0 * ops.sum(now)

    assert not pull(loss, vectors(1, 2, D, seed=1))[0].any()


@pytest.mark.slow
def test_contract(layer_contract, vectors):
    parameters = 2 * (5 * D * D + 2 * D + 2 * D * 12 + D + 12 + 4 * D)
    layer_contract(lambda **given: make(**given), vectors(2, 4, D), parameters=parameters)

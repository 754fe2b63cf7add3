from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.layers import LayerState, StackState, TokenEmbeddings
from tftransformer.layers.dropout import Dropout
from tftransformer.positions import LearnedPositions


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.3, 0.999])
def test_rate_to_a_256th_and_the_exact_expectation(rate):
    kept = keras.ops.convert_to_numpy(Dropout(rate, seed=1)(np.ones((500, 999)), training=True))
    nearest = min(max(round(256 * rate), 1), 255) / 256
    np.testing.assert_allclose(np.mean(kept == 0), nearest, atol=0.003)
    np.testing.assert_allclose(np.unique(kept), [0, 1 / (1 - nearest)], rtol=1e-6)


def test_values_are_dropped_independently():
    """Neighbours come from one random word, and calls from one seed: neither may show."""
    layer = Dropout(0.5, seed=3)
    x = np.ones((1000, 256), "float32")
    first, second = (keras.ops.convert_to_numpy(layer(x, training=True)) / 2 for _ in range(2))
    np.testing.assert_allclose(np.mean(first[:, :-1] * first[:, 1:]), 0.25, atol=0.005)
    np.testing.assert_allclose(np.mean(first[:-1] * first[1:]), 0.25, atol=0.005)
    np.testing.assert_allclose(np.mean(first * second), 0.25, atol=0.005)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_gradient_passes_where_the_value_does(dtype):
    layer, x = Dropout(0.3, seed=1, dtype=dtype), tf.cast(np.ones((3, 5, 7)), dtype)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None), dtype)])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, x)

    value, slope = run(x)
    assert value.dtype == slope.dtype == x.dtype
    np.testing.assert_array_equal(tf.cast(value, "float32"), tf.cast(slope, "float32"))
    assert 0 < np.mean(tf.cast(value, "float32") == 0) < 1


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.5, None), (0.0, True)])
def test_nothing_is_dropped_otherwise(rate, training):
    x = np.arange(6.0, dtype="float32")
    np.testing.assert_array_equal(Dropout(rate)(x, training=training), x)


def test_a_rate_of_one_drops_all():
    assert not np.any(Dropout(1.0)(np.ones(1000, "float32"), training=True))


def test_equal_seeds_drop_equally():
    x = np.ones((40, 5), "float32")
    first, second = (Dropout(0.5, seed=9)(x, training=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.any(np.asarray(first) != np.asarray(Dropout(0.5, seed=10)(x, training=True)))


def test_token_dropout_drops_whole_tokens_but_not_their_positions(vectors):
    position = LearnedPositions(4, num_positions=64, initializer="ones")
    embeddings = TokenEmbeddings(9, 4, position=position, scale=False, token_dropout=0.5)
    ids = np.random.default_rng(0).integers(1, 9, (32, 64))
    plain = np.asarray(embeddings(ids)) - 1
    drawn = np.asarray(embeddings(ids, training=True)) - 1
    dropped = np.all(np.abs(drawn) < 1e-6, axis=-1)
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_allclose(drawn[~dropped], 2 * plain[~dropped], atol=1e-6)
    np.testing.assert_array_equal(embeddings(ids, training=False), embeddings(ids))


SIZES = (30, 1, 16, 2, 32)


@pytest.mark.parametrize(
    ("model", "stack"),
    [
        (partial(tt.T5, *SIZES, head_width=8), "encoder"),
        (partial(tt.T5, *SIZES, head_width=8), "decoder"),
        (partial(tt.TransformerXL, *SIZES, memory_length=4, cutoffs=()), "stack"),
    ],
)
def test_what_the_stacks_of_some_families_return_is_dropped_out(model, stack):
    """As in the code of their papers. Where all summands are dropped, zero stays."""
    own = getattr(model(dropout=0.5), stack)
    given = [np.ones((2, 3, 16), "float32")] if stack == "decoder" else []
    hidden = own(np.full((40, 50), 7), *(np.repeat(x, 20, axis=0) for x in given), training=True)
    zero = keras.ops.convert_to_numpy(hidden) == 0
    assert 0.48 < zero.mean() < 0.6


def test_both_ends_of_the_query_stream_are_dropped_out():
    stack, state = tt.XLNet(*SIZES, dropout=0.5).stack, StackState([LayerState()])
    given = {
        "target_mapping": np.eye(50, dtype="float32")[None].repeat(40, axis=0),
        "context": {"attention_mask": np.ones((1, 1, 1), "int32")},
    }
    hidden = stack(np.full((40, 50), 7), **given, state=state, training=True)
    for dropped in (state.hidden_states[1], hidden):
        zero = keras.ops.convert_to_numpy(dropped) == 0
        np.testing.assert_allclose(zero.mean(), 0.5, atol=0.02)

"""masked_softmax against plain numpy; rows that see nothing; activations."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.core import get_activation, log_probabilities, masked_softmax

MASK = np.array([[True, False, True, True], [False] * 4, [True] * 4])


def reference(logits, mask):
    weights = np.exp(logits - logits.max(-1, keepdims=True)) * mask
    return weights / np.maximum(weights.sum(-1, keepdims=True), 1e-30)


def test_equals_the_definition(vectors):
    logits = vectors(2, 3, 4)
    expected = reference(logits, MASK)
    np.testing.assert_allclose(masked_softmax(logits, MASK), expected, atol=1e-6)
    everything = reference(logits, np.ones_like(MASK))
    np.testing.assert_allclose(masked_softmax(logits), everything, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_row_that_sees_nothing_is_zero_with_finite_gradients(vectors, pull, dtype):
    logits = ops.cast(vectors(3, 4) * 50, dtype)
    weights = masked_softmax(logits, MASK)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert np.all(np.array(weights)[1] == 0)
    assert np.all(np.array(weights)[~MASK] == 0)
    np.testing.assert_allclose(np.sum(weights, -1), [1, 0, 1], atol=1e-6)
    values = np.arange(12, dtype="float32").reshape(3, 4)
    (gradient,) = pull(lambda x: ops.sum(masked_softmax(x, MASK) * values), logits)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[~MASK] == 0)


def test_hidden_logits_of_any_size_do_not_matter(vectors):
    logits = vectors(3, 4)
    changed = np.where(MASK, logits, 1e38)
    np.testing.assert_array_equal(masked_softmax(logits, MASK), masked_softmax(changed, MASK))
    changed = np.where(MASK, logits, np.nan)
    np.testing.assert_array_equal(masked_softmax(logits, MASK), masked_softmax(changed, MASK))


def test_visible_logits_far_below_zero_still_count():
    weights = masked_softmax(np.array([[-1e9, -1e9 + 128, 0.0]]), np.array([[True, True, False]]))
    np.testing.assert_allclose(weights, [[0, 1, 0]], atol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
def test_log_probabilities_lose_no_digits_where_logits_are_large(shift, vectors):
    logits = vectors(50, 30) + np.float32(shift)
    exact = logits.astype("float64") - logits.max(-1, keepdims=True).astype("float64")
    expected = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    largest, probability = (
        np.max(x, axis=-1, keepdims=True) for x in (logits, ops.softmax(logits))
    )
    result = log_probabilities(logits, largest, probability)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_single_key(vectors):
    """The first step of a decoder, a source of one token: all the weight, or none."""
    mask = np.array([[True], [False]])
    weights = masked_softmax(vectors(3, 2, 1), mask)
    np.testing.assert_array_equal(weights, np.broadcast_to(mask, (3, 2, 1)))
    np.testing.assert_array_equal(masked_softmax(vectors(3, 2, 1)), np.ones((3, 2, 1)))


def test_the_two_forms_of_gelu():
    x = np.linspace(-3, 3, 13).astype("float32")
    tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(get_activation("gelu_tanh")(x), tanh, atol=1e-6)
    assert np.abs(np.array(get_activation("gelu")(x)) - tanh).max() > 1e-4
    config = keras.saving.serialize_keras_object(get_activation("gelu_tanh"))
    assert keras.saving.deserialize_keras_object(config) is get_activation("gelu_tanh")

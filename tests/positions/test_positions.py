"""Positions against the formulas of their papers."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions

POSITIONS = np.array([0, 1, 2, 7, 300, -4], "int32")


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_sinusoids(layout):
    """PE(p, 2j) = sin(p / 10000^(2j/d)), PE(p, 2j+1) = cos(the same) (§3.5)."""
    expected = np.zeros((len(POSITIONS), 8))
    for row, p in enumerate(POSITIONS):
        for j in range(4):
            angle = p / 10000 ** (2 * j / 8)
            sine, cosine = (2 * j, 2 * j + 1) if layout == "interleaved" else (j, j + 4)
            expected[row, sine], expected[row, cosine] = np.sin(angle), np.cos(angle)
    layer = SinusoidalPositions(8, layout)
    np.testing.assert_allclose(layer(POSITIONS), expected, atol=1e-4)
    rows = np.stack([POSITIONS, POSITIONS[::-1]])
    np.testing.assert_allclose(layer(rows), np.stack([expected, expected[::-1]]), atol=1e-4)


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_rotation_is_that_of_complex_numbers(vectors, layout):
    x = vectors(2, 3, 6, 8)
    pairs = x.reshape(2, 3, 6, 4, 2) if layout == "interleaved" else x.reshape(2, 3, 6, 2, 4)
    axis = 4 if layout == "interleaved" else 3
    a, b = np.moveaxis(pairs, axis, 0)
    angle = POSITIONS[:, None] * 10000.0 ** (-np.arange(4) / 4)
    turned = (a + 1j * b) * np.exp(1j * angle)
    expected = np.stack([turned.real, turned.imag], axis).reshape(x.shape)
    result = RotaryPositions(layout)(x, POSITIONS)
    np.testing.assert_allclose(result, expected, atol=1e-4)
    rows = np.stack([POSITIONS, POSITIONS])
    np.testing.assert_allclose(RotaryPositions(layout)(x, rows), result, atol=1e-6)


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_the_product_of_rotated_vectors_depends_on_their_distance_alone(vectors, layout):
    layer = RotaryPositions(layout)
    query, key = vectors(1, 1, 1, 8), vectors(1, 1, 1, 8, seed=1)

    def product(m, n):
        turned = layer(query, np.array([m], "int32")), layer(key, np.array([n], "int32"))
        return float(ops.sum(turned[0] * turned[1]))

    for distance in (0, 1, 5, -3):
        products = [product(n + distance, n) for n in (3, 4, 20, 100)]
        np.testing.assert_allclose(products, products[0], atol=1e-4)
    assert abs(product(5, 4) - product(9, 4)) > 1e-3


def test_positions_default_to_the_columns(vectors):
    x = vectors(2, 3, 6, 8)
    layer = RotaryPositions()
    np.testing.assert_array_equal(layer(x), layer(x, np.arange(6, dtype="int32")))


def test_learned_positions_look_up_with_their_offset():
    layer = LearnedPositions(4, num_positions=6, offset=2)
    layer.build((None,))
    table = np.arange(32, dtype="float32").reshape(8, 4)
    layer.set_weights([table])
    np.testing.assert_array_equal(layer(np.array([0, 5, 1])), table[[2, 7, 3]])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: SinusoidalPositions(7), "even d_model, not 7"),
        (lambda: SinusoidalPositions(8, "mixed"), "'mixed'"),
        (lambda: RotaryPositions("mixed"), "'mixed'"),
        (lambda: RotaryPositions()(np.ones((1, 1, 2, 3), "float32")), "even head width, not 3"),
        (lambda: LearnedPositions(4, 3)(np.arange(5)), "5 positions and the table 3"),
    ],
)
def test_a_wrong_argument_is_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: SinusoidalPositions(8, "concatenated", base=100.0, dtype=dtype),
        lambda dtype: LearnedPositions(8, 400, offset=4, dtype=dtype),
    ],
)
def test_precision_and_config(make, policy):
    layer = make(policy)
    result = layer(POSITIONS[:5])
    assert keras.backend.standardize_dtype(result.dtype) == layer.compute_dtype
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer.compute_output_shape((5,)) == result.shape


@pytest.mark.slow
def test_rotary_contract(layer_contract, vectors):
    def make(**given):
        return RotaryPositions("concatenated", base=50.0, **given)

    layer_contract(make, vectors(2, 3, 5, 8), POSITIONS[None, :5].repeat(2, 0), parameters=0)


def test_learned_contract(layer_contract):
    def make(**given):
        return LearnedPositions(4, 9, **given)

    layer_contract(make, np.array([[0, 1, 2, 3], [8, 7, 6, 5]], "int32"), parameters=36)


def test_sinusoidal_contract(layer_contract):
    def make(**given):
        return SinusoidalPositions(4, **given)

    layer_contract(make, np.array([[0, 1, 2, 3], [8, 7, 6, 5]], "int32"), parameters=0)

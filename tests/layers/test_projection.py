import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.layers.projection import Projection


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (2, 4, 5, 3)])
def test_it_computes_what_a_dense_layer_does(shape):
    options = {"activation": "tanh", "bias_initializer": "random_normal"}
    dense, mine = keras.layers.Dense(4, **options), Projection(4, **options)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = dense(x)
    mine.build(shape)
    mine.set_weights(dense.get_weights())
    assert mine(x).shape == expected.shape
    np.testing.assert_allclose(mine(x), expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_no_term_of_the_gradient_of_a_bias_is_lost(policy):
    """Of terms of one sign a sum in bfloat16 stops growing after 256."""
    layer = Projection(2, dtype=policy)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(layer(np.ones((4, 512, 3), "float32")), "float32"))
    np.testing.assert_array_equal(tape.gradient(total, layer.bias.value), [2048.0, 2048.0])

import keras
import numpy as np
import tensorflow as tf

from tftransformer.layers import make_norm


def test_layer_norm_and_its_gradients_equal_those_of_keras():
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(2.0, 3.0, (3, 5, 8)).astype("float32"))
    upstream = tf.constant(rng.normal(size=(3, 5, 8)).astype("float32"))
    ours, keras_norm = make_norm("layer", 1e-5), keras.layers.LayerNormalization(epsilon=1e-5)
    weights = [rng.normal(size=8).astype("float32") for _ in range(2)]
    found = []
    for norm in (ours, keras_norm):
        norm.build(x.shape)
        norm.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = norm(x)
        variables = [variable.value for variable in norm.trainable_variables]
        found.append([y, *tape.gradient(y, [x, *variables], output_gradients=upstream)])
    for mine, expected in zip(*found, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)


def test_layer_norm_computes_its_moments_in_float32():
    """The mean of 300 equal bfloat16 numbers summed in bfloat16 would be far off."""
    norm = make_norm("layer", 1e-6, dtype="mixed_bfloat16")
    x = tf.cast(
        tf.fill((1, 300), 1000.0) + tf.concat([[[512.0]], tf.zeros((1, 299))], 1), "bfloat16"
    )
    y = tf.cast(norm(x), "float32").numpy()
    np.testing.assert_allclose(y[0, 1:], -0.0578, atol=1e-3)
    assert norm(x).dtype == tf.bfloat16


def test_a_layer_norm_without_bias_is_one_whose_bias_is_zero():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32"))
    norms = [make_norm("layer", 1e-5, center=False), make_norm("layer", 1e-5)]
    found = []
    for norm in norms:
        norm.build(x.shape)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = norm(x)
            total = tf.reduce_sum(y**3)
        found.append([y, *tape.gradient(total, [x, norm.gamma.value])])
    for mine, expected in zip(*found, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)
    assert len(norms[0].weights) == 1
    copied = make_norm(norms[0], 0.0, name="copied")
    assert (copied.name, copied.center) == ("copied", False)

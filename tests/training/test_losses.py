import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training import LabelSmoothedCrossEntropy, label_smoothed_cross_entropy
from tftransformer.training.losses import symmetric_divergence

ROWS, LENGTH, CLASSES = 3, 5, 11


def random_batch(scale=3.0):
    rng = np.random.default_rng(0)
    logits = (scale * rng.normal(size=(ROWS, LENGTH, CLASSES))).astype("float32")
    labels = rng.integers(0, CLASSES, (ROWS, LENGTH)).astype("int32")
    weights = rng.random((ROWS, LENGTH)).astype("float32")
    weights[:, -2:] = 0.0
    return labels, logits, weights


def reference(labels, logits, smoothing):
    """Losses and the gradient of their sum by one-hot targets in float64."""
    logits = logits.astype("float64")
    shifted = logits - logits.max(-1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    targets = (1 - smoothing) * np.eye(CLASSES)[labels] + smoothing / CLASSES
    return -(targets * log_softmax).sum(-1), np.exp(log_softmax) - targets


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_value_and_gradient_equal_one_hot_targets(smoothing, scale):
    labels, logits, weights = random_batch(scale)
    expected, slope = reference(labels, logits, smoothing)
    variable = tf.Variable(logits)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            losses = label_smoothed_cross_entropy(labels, variable, smoothing)
            total = tf.reduce_sum(losses * weights)
        return losses, tape.gradient(total, variable)

    losses, gradient = run()
    np.testing.assert_allclose(losses, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, slope * weights[..., None], atol=1e-6)


def test_huge_logits_stay_finite():
    logits = np.array([[[1e4, -1e4, 0.0]]], "float32")
    losses = label_smoothed_cross_entropy(np.array([[0]]), logits, 0.0)
    np.testing.assert_allclose(losses, [[0.0]], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_logits_are_computed_in_float32(dtype):
    labels, logits, _ = random_batch()
    low = tf.cast(logits, dtype)
    expected, slope = reference(labels, tf.cast(low, "float32").numpy(), 0.1)
    with tf.GradientTape() as tape:
        tape.watch(low)
        losses = label_smoothed_cross_entropy(labels, low, 0.1)
        total = tf.reduce_sum(losses)
    assert losses.dtype == "float32"
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    gradient = tape.gradient(total, low)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(tf.cast(gradient, "float32"), slope, atol=4e-3)


def test_divergence_is_the_mean_of_both_directions():
    _, logits, _ = random_batch()
    p, q = (keras.activations.softmax(tf.constant(x, "float64")) for x in (logits, -logits))
    expected = (keras.losses.kl_divergence(p, q) + keras.losses.kl_divergence(q, p)) / 2
    found = symmetric_divergence(logits, -logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(symmetric_divergence(logits, logits), 0)
    assert np.all(np.isfinite(symmetric_divergence(1e4 * logits, -1e4 * logits)))


def test_loss_object_divides_by_the_weights_and_not_by_the_positions():
    labels, logits, weights = random_batch()
    loss = LabelSmoothedCrossEntropy(0.1)
    expected, _ = reference(labels, logits, 0.1)
    np.testing.assert_allclose(
        loss(labels, logits, sample_weight=weights),
        (expected * weights).sum() / weights.sum(),
        rtol=1e-6,
    )
    np.testing.assert_allclose(loss(labels, logits), expected.mean(), rtol=1e-6)
    assert np.isfinite(loss(labels, logits, sample_weight=np.zeros_like(weights)))


def test_loss_object_serialises():
    loss = LabelSmoothedCrossEntropy(0.2)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.get_config() == loss.get_config()
    assert copy.reduction == "mean_with_sample_weight"


@pytest.mark.slow
def test_plain_keras_fit_learns_with_it():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Embedding(8, 16), keras.layers.Dense(8)])
    model.compile(keras.optimizers.Adam(0.05), loss=LabelSmoothedCrossEntropy(0.1))
    ids = np.random.default_rng(0).integers(1, 8, (64, 6)).astype("int32")
    weights = (ids != 1).astype("float32")
    history = model.fit(ids, ids, sample_weight=weights, epochs=15, verbose=0).history["loss"]
    floor = -(0.9125 * np.log(0.9125) + 7 * 0.0125 * np.log(0.0125))
    assert floor < history[-1] < floor + 0.1


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        LabelSmoothedCrossEntropy(smoothing)

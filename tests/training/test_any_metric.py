"""Metrics that are no means are exact, too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training import LabelSmoothedCrossEntropy, Trainer


def exact(values, weights):
    return (values * weights).sum() / weights.sum()


class LargestWeight(keras.metrics.Metric):
    """A metric whose parts do not add up."""

    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.found = self.add_variable((), "zeros", name="found")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.found.assign(keras.ops.maximum(self.found, keras.ops.max(sample_weight)))

    def result(self):
        return self.found


@pytest.mark.slow
def test_metrics_of_any_kind_are_exact_and_begin_anew_each_epoch(tiny):
    inputs, labels, weights = tiny.TinyBatches(1, shapes=((9, 5),)).items[0]
    weights = np.linspace(0.1, 1.0, 45).reshape(9, 5).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels, weights)).batch(2)
    metrics = [
        LargestWeight(),
        keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3"),
        keras.metrics.MeanIoU(tiny.VOCABULARY, sparse_y_pred=False, name="iou"),
        lambda y, p: tf.cast(y == 3, "float32"),
    ]
    trainer = tiny.make(batches, batches, metrics=metrics, epochs=2)
    logs = trainer.train().history
    outputs = trainer.model.predict(inputs, verbose=0)
    right = (np.argsort(-outputs, -1)[..., :3] == labels[..., None]).any(-1)
    assert logs["val_top3"][-1] == pytest.approx(exact(right, weights), rel=1e-5)
    assert logs["val_<lambda>"][-1] == pytest.approx(exact(labels == 3, weights), rel=1e-5)
    iou = keras.metrics.MeanIoU(tiny.VOCABULARY, sparse_y_pred=False)
    iou.update_state(labels.ravel(), outputs.reshape(45, -1), weights.ravel())
    assert logs["val_iou"][-1] == pytest.approx(float(iou.result()), rel=1e-5)
    assert logs["largest"] == [1.0, 1.0]
    assert float(metrics[0].found) == 0.0  # the object that was given is left alone


@pytest.mark.slow
def test_every_metric_goes_on_exactly_after_a_stop_in_mid_epoch(tiny, tmp_path):
    def run(**options):
        metrics = ["accuracy", LargestWeight(), keras.metrics.SparseTopKCategoricalAccuracy(2)]
        return tiny.make(metrics=metrics, epochs=2, **options).train().history

    whole = run()
    run(directory=tmp_path, steps=6)
    assert run(directory=tmp_path, resume=True) == whole


@pytest.mark.slow
@pytest.mark.parametrize("make", [keras.metrics.R2Score, keras.metrics.F1Score])
def test_metrics_that_make_their_variables_late_are_exact(make):
    random = np.random.default_rng(0)
    inputs, labels = (random.normal(size=(7, 3)).astype("float32") for _ in range(2))
    labels = labels if make is keras.metrics.R2Score else (labels > 0).astype("float32")
    weights = np.linspace(0.1, 1.0, 7, dtype="float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels, weights)).batch(3)
    trainer = Trainer(
        model, batches, loss="mse", metrics=[make(name="m")], optimizer="sgd", verbose=0
    )
    expected = make()
    expected.update_state(labels, model.predict(inputs, verbose=0), weights)
    found = [value for name, value in trainer.evaluate(batches).items() if name.startswith("m")]
    np.testing.assert_allclose(found, np.ravel(expected.result()), rtol=1e-5)


def test_what_a_metric_has_counted_before_is_left_to_it(tiny):
    metric = LargestWeight()
    metric.found.assign(7.0)
    trainer = tiny.make(metrics=[metric])
    assert trainer.evaluate(tiny.TinyBatches(1))["largest"] == 1.0
    assert float(metric.found) == 7.0


@pytest.mark.slow
def test_outputs_of_low_precision_are_scored_in_float32(tiny):
    metrics = [
        keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3"),
        keras.metrics.SparseCategoricalCrossentropy("surprise", from_logits=True),
    ]
    model = tiny.tiny_model(dtype="mixed_bfloat16")
    trainer = tiny.make(model=model, metrics=metrics, loss=LabelSmoothedCrossEntropy(0.0))
    inputs, labels, weights = tiny.TinyBatches(1).items[0]
    outputs = np.asarray(model(inputs), "float32")
    logs = trainer.evaluate(tiny.TinyBatches(1))
    right = (np.argsort(-outputs, -1)[..., :3] == labels[..., None]).any(-1)
    assert logs["top3"] == pytest.approx(exact(right, weights), rel=1e-6)
    assert logs["surprise"] == pytest.approx(logs["loss"], rel=1e-6)

"""Metrics that are no means are exact, too."""

import keras
import numpy as np
import pytest
import tensorflow as tf


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

"""MacroF1 against scikit-learn, whatever the batches."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tftransformer.training import MacroF1


@pytest.mark.parametrize("several", [False, True])
def test_it_is_that_of_scikit_learn_over_all_rows_with_their_weights(several):
    random = np.random.default_rng(0)
    logits = random.normal(size=(60, 5)).astype("float32")
    logits[:, 4] = -9  # a class that is never predicted, nor labelled: it counts for nothing
    if several:
        labels, predicted = random.integers(0, 2, (60, 5)), (logits > 0).astype(int)
        labels[:, 4] = 0
    else:
        labels, predicted = random.integers(0, 4, 60), logits.argmax(axis=1)
    weights = random.integers(0, 3, 60).astype("float32")
    metric = MacroF1(5, several)
    for start in range(0, 60, 17):
        part = slice(start, start + 17)
        metric.update_state(labels[part], logits[part], weights[part])
    chosen = {"labels": [0, 1, 2, 3]} if several else {}
    expected = f1_score(labels, predicted, average="macro", sample_weight=weights, **chosen)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0
    assert MacroF1.from_config(metric.get_config()).get_config() == metric.get_config()

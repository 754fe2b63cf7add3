import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys

sys.modules["tensorflow"] = None
import jax
import numpy as np

from tftransformer.training import CustomSchedule, Perplexity, label_smoothed_cross_entropy

rng = np.random.default_rng(0)
logits, labels = rng.normal(size=(2, 3, 7)).astype("float32"), rng.integers(0, 7, (2, 3))


def ours(logits):
    return label_smoothed_cross_entropy(labels, logits, 0.1).sum()


def one_hot(logits):
    targets = 0.9 * jax.nn.one_hot(labels, 7) + 0.1 / 7
    return -(targets * jax.nn.log_softmax(logits)).sum()


np.testing.assert_allclose(ours(logits), one_hot(logits), rtol=1e-6)
np.testing.assert_allclose(
    jax.jit(jax.grad(ours))(logits), jax.grad(one_hot)(logits), atol=1e-6
)
metric = Perplexity()
metric.update_state(labels, logits)
assert metric.result() > 1
assert CustomSchedule(8)(0) == 0
"""


@pytest.mark.slow
def test_losses_metrics_and_schedules_run_on_jax_without_tensorflow():
    pytest.importorskip("jax")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=120)

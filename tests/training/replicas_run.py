"""Programs for the distribution tests.

python replicas_run.py mirrored  prints the largest difference between one replica and two, for
                                 several ways to train.
python replicas_run.py worker    trains as one of the workers of TF_CONFIG and prints a number for
                                 each weight and log; without TF_CONFIG it trains alone.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parent))
from tiny_run import TinyBatches, tiny_model

from tftransformer.training import CarriedMemory, Trainer


def make_metrics():
    """Means, and metrics that are none."""
    return [
        "accuracy",
        keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3"),
        keras.metrics.SparseCategoricalCrossentropy(from_logits=True),
        keras.metrics.MeanIoU(12, sparse_y_pred=False),
    ]


WAYS = {
    "clip": {"clip_norm": 0.1},
    "accumulate": {"clip_norm": 0.1, "gradient_accumulation": 2},
    "penalty": {},
    "metrics": {"metrics": make_metrics},
    "compiled": {"clip_norm": 0.1, "jit_compile": True},
    "compiled, accumulate": {"gradient_accumulation": 2, "jit_compile": True},
}


def run(strategy, penalty=False, **options):
    keras.utils.set_random_seed(3)
    regularizer = keras.regularizers.L2(0.1) if penalty else None
    with strategy.scope():
        model = tiny_model(kernel_regularizer=regularizer)
        optimizer = keras.optimizers.Adam(1e-2, epsilon=1e-3)
    # Five rows do not halve.
    train = TinyBatches(4, shapes=((5, 4), (3, 7), (5, 2)))
    validation = TinyBatches(2, seed=1)
    if "metrics" in options:
        options["metrics"] = options["metrics"]()
    trainer = Trainer(
        model,
        train,
        validation,
        optimizer=optimizer,
        strategy=strategy,
        epochs=2,
        precision="float32",
        verbose=0,
        **options,
    )
    history = trainer.train().history
    updates = 1 if options.get("gradient_accumulation") else 0
    if not options.get("jit_compile"):
        assert len(trainer._loop.steps._traces) == 2 + updates  # one trace serves all shapes
    weights = [weight for weight in model.get_weights() if weight.dtype == "float32"]
    logs = [np.array(history[name]) for name in sorted(history)]
    return weights + logs


def evaluate_lower(strategy):
    """Logs of a model whose outputs are bfloat16, which TensorFlow cannot gather."""
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = tiny_model(dtype="mixed_bfloat16")
        optimizer = keras.optimizers.Adam()
    batches = TinyBatches(2, seed=1)
    options = {"metrics": make_metrics(), "optimizer": optimizer, "strategy": strategy}
    logs = Trainer(model, batches, verbose=0, **options).evaluate(batches)
    return [np.array(logs[name]) for name in sorted(logs)]


def mirrored():
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    both = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # TensorFlow bears one a process
    alone = tf.distribute.get_strategy()
    pairs = {
        way: [run(strategy, way == "penalty", **options) for strategy in (alone, both)]
        for way, options in WAYS.items()
    }
    pairs["lower"] = [evaluate_lower(strategy) for strategy in (alone, both)]
    for way, (one, two) in pairs.items():
        # Relative, where numbers are large: a perplexity has fewer digits behind the point.
        apart = [np.abs(a - b) / np.maximum(1, np.abs(a)) for a, b in zip(one, two, strict=True)]
        print(way.replace(" ", "_"), max(difference.max() for difference in apart))
    outside = keras.optimizers.Adam()
    with both.scope():
        model = tiny_model()
    try:
        Trainer(model, TinyBatches(1), optimizer=outside, strategy=both)
    except ValueError as error:
        print("outside", str(error).replace(" ", "_"))
    try:
        Trainer(model, TinyBatches(1), carry=CarriedMemory(), strategy=both)
    except ValueError as error:
        print("carried", str(error).replace(" ", "_"))


def worker(directory):
    options = {"clip_norm": 0.1, "directory": directory}
    parts = run(tf.distribute.MultiWorkerMirroredStrategy(), **options)
    print("result", *(repr(float(np.abs(part).sum())) for part in parts))


if __name__ == "__main__":
    {"mirrored": mirrored, "worker": worker}[sys.argv[1]](*sys.argv[2:])

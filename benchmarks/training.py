"""How many target tokens a second a Transformer trains on.

    python benchmarks/training.py [--size tiny|base] [--precision mixed_bfloat16] [--memory]

Compares the `Trainer` and plain `fit` of this package with a model of the same weights made of
KerasHub's layers. All train on the same batches in memory with Adam, dropout 0.1 and label
smoothing 0.1; their rounds are interleaved, a round is one epoch. The package's two also compute
the accuracy; KerasHub's model is spared it.
"""

import argparse
import importlib.util
import multiprocessing

import keras
import numpy as np
import tensorflow as tf
from sizes import SIZES, Size
from timing import interleaved, print_table, rate, rate_range, ratio, ratio_range

import tftransformer as tt

DROPOUT = SMOOTHING = 0.1
PEER = "KerasHub layers, fit"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--precision", default="float32", help="dtype policy of Keras")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="batches in a round")
    parser.add_argument("--memory", action="store_true", help="peak memory, each in a new process")
    options = parser.parse_args()

    size, steps = SIZES[options.size], options.steps
    names = list(CONTENDERS)
    if importlib.util.find_spec("keras_hub") is None:
        print("keras_hub is not installed (pip install keras-hub): its model is left out.")
        names.remove(PEER)
    keras.config.set_dtype_policy(options.precision)
    contenders = {name: CONTENDERS[name](size, steps) for name in names}
    weights = {name: model.count_params() for name, (model, _) in contenders.items()}
    if len(set(weights.values())) > 1:
        raise AssertionError(f"the models differ in size: {weights}")
    print(
        f"{options.size}: {size.num_layers} + {size.num_layers} layers, d_model {size.d_model}, "
        f"{weights[names[0]]:,} weights, batches of {size.batch} × {size.length} tokens, "
        f"{options.precision}, {options.rounds} rounds of {steps} batches"
    )
    times = interleaved({name: epoch for name, (_, epoch) in contenders.items()}, options.rounds)

    tokens = steps * size.batch * size.length
    head = ["training", "tokens/s", "slowest – fastest"]
    rows = [[name, rate(tokens, taken), rate_range(tokens, taken)] for name, taken in times.items()]
    if PEER in times:
        head += ["× KerasHub", "lowest – highest"]
        for row, taken in zip(rows, times.values(), strict=True):
            row += [ratio(taken, times[PEER]), ratio_range(taken, times[PEER])]
    if options.memory:
        head.append("peak GiB")
        for row in rows:
            row.append(f"{peak_memory(row[0], options.size, options.precision) / 2**30:.2f}")
    print_table(head, rows)


def with_trainer(size: Size, steps: int):
    """The package's own loop; a callback ends each call of `train` after one epoch."""
    model = transformer(size)

    def stop(epoch, logs):
        model.stop_training = True

    trainer = tt.Trainer(
        model,
        batches(size, steps),
        loss=tt.LabelSmoothedCrossEntropy(SMOOTHING),
        optimizer=optimizer(),
        epochs=1_000_000,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop)],
        verbose=0,
    )
    return model, trainer.train


def with_fit(size: Size, steps: int):
    """The package's model under Keras's loop."""
    model = transformer(size)
    model.compile(
        optimizer=optimizer(),
        loss=tt.LabelSmoothedCrossEntropy(SMOOTHING),
        weighted_metrics=[tt.TokenAccuracy()],
    )
    data = batches(size, steps)
    return model, lambda: model.fit(data, verbose=0, shuffle=False)


def with_keras_hub(size: Size, steps: int):
    """A model of KerasHub's layers, written as its guide does, under Keras's loop."""
    import keras_hub

    layer_options = {
        "intermediate_dim": size.dff,
        "num_heads": size.num_heads,
        "dropout": DROPOUT,
    }
    inputs = {
        name: keras.Input((size.length,), dtype="int32", name=name)
        for name in ("source_ids", "target_ids")
    }
    table = keras_hub.layers.ReversibleEmbedding(size.vocab_size, size.d_model, mask_zero=True)

    def embed(ids):
        x = table(ids)
        positions = keras_hub.layers.PositionEmbedding(size.length)
        positions.supports_masking = True  # else the sum loses the padding mask
        return keras.layers.Dropout(DROPOUT)(keras.layers.Add()([x, positions(x)]))

    source = embed(inputs["source_ids"])
    for _ in range(size.num_layers):
        source = keras_hub.layers.TransformerEncoder(**layer_options)(source)
    target = embed(inputs["target_ids"])
    for _ in range(size.num_layers):
        target = keras_hub.layers.TransformerDecoder(**layer_options)(target, source)
    model = keras.Model(inputs, table(target, reverse=True))

    def loss(labels, logits):
        # Keras smooths labels only where they are one-hot.
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(keras.ops.cast(labels, "int32"), size.vocab_size),
            logits,
            from_logits=True,
            label_smoothing=SMOOTHING,
        )

    model.compile(optimizer=optimizer(), loss=loss)
    data = batches(size, steps)
    return model, lambda: model.fit(data, verbose=0, shuffle=False)


CONTENDERS = {
    "tftransformer, Trainer": with_trainer,
    "tftransformer, fit": with_fit,
    PEER: with_keras_hub,
}


def transformer(size: Size) -> tt.Transformer:
    """The package's model, with dropout and positions as in KerasHub's layers."""
    return tt.Transformer(
        **size.widths,
        dropout=DROPOUT,
        attention_dropout=DROPOUT,
        position=tt.LearnedPositions(size.d_model, size.length),
    )


def optimizer() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-4)


def batches(size: Size, steps: int) -> tf.data.Dataset:
    """Random sentences of full length: (inputs, labels, weights), no padding."""
    shape = (steps, size.batch, size.length + 1)
    ids = np.random.default_rng(0).integers(4, size.vocab_size, (2, *shape), dtype="int32")
    source, target = ids
    inputs = {"source_ids": source[..., 1:], "target_ids": target[..., :-1]}
    labels = target[..., 1:]
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels, np.ones(labels.shape, "float32")))
    return dataset.prefetch(tf.data.AUTOTUNE)


def peak_memory(name: str, size: str, precision: str) -> int:
    """Bytes of memory that a fresh process had needed at most after three batches."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_train_alone, (name, size, precision))


def _train_alone(name: str, size: str, precision: str) -> int:
    import resource
    import sys

    keras.config.set_dtype_policy(precision)
    _, epoch = CONTENDERS[name](SIZES[size], steps=3)
    epoch()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()

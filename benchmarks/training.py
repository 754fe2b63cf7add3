"""How many target tokens a second a Transformer trains on.

    python benchmarks/training.py [--size tiny|base] [--torch-python PATH]

Compares the `Trainer` and plain `fit` of this package with models of the same weights made of
KerasHub's layers, by `transformers` and of PyTorch's layers, in float32 and in bfloat16. All train
on the same batches with Adam, dropout 0.1 and label smoothing 0.1, each in a process of its own;
their rounds are interleaved, a round is one epoch. The package's own also compute the accuracy; the
others are spared it.
"""

import argparse
import contextlib
import functools
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from peers import apart, has_keras_hub, has_torch, started, torch_process
from sizes import CLASSES, SIZES, Size
from timing import against, from_memory, interleaved, print_table, rate, rate_range

import tftransformer as tt

DROPOUT = SMOOTHING = 0.1
PRODUCTS = ("float32", "bfloat16")
POLICIES = ("float32", "mixed_bfloat16")
PRECISIONS = {
    "trainer": (*PRODUCTS, "mixed_bfloat16"),
    "trainer_xla": POLICIES,
    "fit": POLICIES,
    "keras_hub": POLICIES,
    "marian": PRODUCTS,
    "torch": PRODUCTS,
    "torch_compiled": PRODUCTS,
}
ON_TORCH = ("marian", "torch", "torch_compiled")
PEERS = ["keras_hub:float32", "keras_hub:mixed_bfloat16", "marian:float32", "torch:bfloat16"]
DEFAULT = ["trainer:float32", "trainer:bfloat16", "fit:float32", *PEERS]
PRODUCT_WIDTH, PRODUCTS_A_ROUND = 2048, 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--contenders", nargs="+", choices=contenders(*PRECISIONS), default=DEFAULT)
    parser.add_argument("--torch-python", default=sys.executable, help="has torch, transformers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="batches in a round")
    options = parser.parse_args()

    size, python = SIZES[options.size], options.torch_python
    names = installed(options.contenders, python)
    with started({name: start(name, size, options.steps, python) for name in names}) as ready:
        weights, tasks = ready
        print(
            f"{options.size}: {size.num_layers} + {size.num_layers} layers, d_model "
            f"{size.d_model}, {weights:,} weights, batches of {size.batch} × {size.length} tokens, "
            f"{options.rounds} rounds of {options.steps} batches"
        )
        ceilings = {precision: products(precision) for precision in PRODUCTS}
        times = interleaved({**ceilings, **tasks}, options.rounds)
        peaks = {name: task() for name, task in tasks.items()}
    print_report(times, peaks, size, options.steps)


def print_report(times: dict, peaks: dict, size: Size, steps: int) -> None:
    """Prints the speed of the matrix products alone, and a row for each contender."""
    ceiling = {}
    work = 2 * PRODUCT_WIDTH**3 * PRODUCTS_A_ROUND
    for precision in PRODUCTS:
        ceiling[precision] = work / statistics.median(times[precision])
        print(f"matrix products alone, {precision}: {ceiling[precision] / 1e9:,.0f} GFLOP/s")
    times = {name: taken for name, taken in times.items() if name not in PRODUCTS}
    peers = [name for name in PEERS if name in times]
    head = ["training", "tokens/s", "slowest – fastest"]
    head += [*(f"× {peer}" for peer in peers), "GFLOP/s", "of products", "peak GiB"]
    rows = []
    for name, taken in times.items():
        tokens = steps * size.batch * size.length
        row = [name, rate(tokens, taken), rate_range(tokens, taken), *against(taken, times, peers)]
        speed = steps * operations(size) / statistics.median(taken)
        precision = name.split(":")[1].removeprefix("mixed_")
        row += [f"{speed / 1e9:,.0f}", f"{speed / ceiling[precision]:.0%}"]
        row.append(f"{peaks[name] / 2**30:.2f}")
        rows.append(row)
    print_table(head, rows)


def contenders(*kinds: str) -> list[str]:
    """The names of all contenders of these kinds."""
    return [f"{kind}:{precision}" for kind in kinds for precision in PRECISIONS[kind]]


def installed(names: list[str], torch_python: str) -> list[str]:
    """Returns the contenders whose libraries are installed."""

    def without(*missing):
        return [name for name in names if name.split(":")[0] not in missing]

    if without("keras_hub") != names and not has_keras_hub():
        names = without("keras_hub")
    if without(*ON_TORCH) != names and not has_torch(torch_python):
        names = without(*ON_TORCH)
    return names


@contextlib.contextmanager
def start(
    name: str, size: Size, steps: int, torch_python: str
) -> Iterator[tuple[int, Callable[[], int]]]:
    """Builds a contender.

    Yields:
        Its number of weights, and a function that trains it for an epoch and returns the most
        bytes of memory that its process has held.
    """
    who, precision = name.split(":")
    if who in ON_TORCH:
        model = who.removesuffix("_compiled")
        order = torch_order(model, name, size, random_batches(size, steps), SMOOTHING)
        with torch_process(torch_python, order) as (weights, ask):
            yield weights, lambda: int(ask("epoch"))
    else:
        with apart(ON_KERAS[who], size, steps, precision) as contender:
            yield contender


def torch_order(
    model: str, name: str, size: Size, batches: Iterable[Sequence[np.ndarray]], smoothing: float
) -> dict:
    """What `torch_peer.py` is to train, for a contender of this name."""
    return {
        "model": model,
        "bfloat16": name.endswith(":bfloat16"),
        "compiled": "_compiled:" in name,
        "size": {**size.widths, "length": size.length, "classes": CLASSES},
        "dropout": DROPOUT,
        "smoothing": smoothing,
        "batches": [[part.tolist() for part in batch] for batch in batches],
    }


def with_trainer(size: Size, steps: int, precision: str, jit_compile: bool | str = "auto"):
    """The package's own loop."""
    model = transformer(size, policy_of(precision))
    data = dataset(size, steps)
    return model, trainer_of_epochs(model, precision, data, jit_compile=jit_compile).train


def with_fit(size: Size, steps: int, policy: str):
    """The package's model under Keras's loop."""
    model = transformer(size, policy)
    model.compile(
        optimizer=optimizer(),
        loss=tt.LabelSmoothedCrossEntropy(SMOOTHING),
        weighted_metrics=[tt.TokenAccuracy()],
    )
    data = dataset(size, steps)
    return model, lambda: model.fit(data, verbose=0, shuffle=False)


def with_keras_hub(size: Size, steps: int, policy: str):
    """KerasHub's layers under Keras's loop."""
    model = keras_hub_transformer(size, size.length, policy)
    model.compile(optimizer=optimizer(), loss=smoothed_one_hot(size.vocab_size))
    data = dataset(size, steps)
    return model, lambda: model.fit(data, verbose=0, shuffle=False)


ON_KERAS = {
    "trainer": with_trainer,
    "trainer_xla": functools.partial(with_trainer, jit_compile=True),
    "fit": with_fit,
    "keras_hub": with_keras_hub,
}


def transformer(size: Size, policy: str) -> tt.Transformer:
    """The package's model, with dropout and positions as in KerasHub's layers."""
    return tt.Transformer(
        **size.widths,
        dropout=DROPOUT,
        attention_dropout=DROPOUT,
        position=tt.LearnedPositions(size.d_model, size.length, dtype=policy),
        dtype=policy,
    )


def keras_hub_transformer(size: Size, length: int | None, policy: str) -> keras.Model:
    """A model of KerasHub's layers, written as its guide does; `length` None is any."""
    import keras_hub

    layer_options = {
        "intermediate_dim": size.dff,
        "num_heads": size.num_heads,
        "dropout": DROPOUT,
        "dtype": policy,
    }
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name)
        for name in ("source_ids", "target_ids")
    }
    table = keras_hub.layers.ReversibleEmbedding(
        size.vocab_size, size.d_model, mask_zero=True, dtype=policy
    )

    def embed(ids):
        x = table(ids)
        positions = keras_hub.layers.PositionEmbedding(size.length, dtype=policy)
        positions.supports_masking = True  # else the sum loses the padding mask
        x = keras.layers.Add(dtype=policy)([x, positions(x)])
        return keras.layers.Dropout(DROPOUT, dtype=policy)(x)

    source = embed(inputs["source_ids"])
    for _ in range(size.num_layers):
        source = keras_hub.layers.TransformerEncoder(**layer_options)(source)
    target = embed(inputs["target_ids"])
    for _ in range(size.num_layers):
        target = keras_hub.layers.TransformerDecoder(**layer_options)(target, source)
    return keras.Model(inputs, table(target, reverse=True))


def smoothed_one_hot(classes: int) -> Callable:
    """Keras smooths labels only where they are one-hot."""

    def loss(labels, logits):
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(keras.ops.cast(labels, "int32"), classes),
            logits,
            from_logits=True,
            label_smoothing=SMOOTHING,
        )

    return loss


def policy_of(precision: str) -> str:
    """The policy of the package's model: only `mixed_…` is one, else the trainer multiplies so."""
    return precision if precision in POLICIES else "float32"


def trainer_of_epochs(
    model: keras.Model,
    precision: str,
    train,
    validation=None,
    smoothing: float = SMOOTHING,
    jit_compile: bool | str = "auto",
) -> tt.Trainer:
    """A trainer whose every call of `train` is one more epoch: a callback ends it."""

    def stop(epoch, logs):
        model.stop_training = True

    return tt.Trainer(
        model,
        train,
        validation,
        loss=tt.LabelSmoothedCrossEntropy(smoothing),
        optimizer=optimizer(),
        precision="float32" if precision.startswith("mixed_") else precision,
        jit_compile=jit_compile,
        epochs=1_000_000,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop)],
        verbose=0,
    )


def optimizer() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-4)


def random_batches(size: Size, steps: int) -> list[tuple]:
    """Random sentences of full length: source and target ids, and labels."""
    shape = (steps, size.batch, size.length + 1)
    source, target = np.random.default_rng(0).integers(
        4, size.vocab_size, (2, *shape), dtype="int32"
    )
    return list(zip(source[..., 1:], target[..., :-1], target[..., 1:], strict=True))


def dataset(size: Size, steps: int) -> tf.data.Dataset:
    """The same batches for Keras: (inputs, labels, weights), no padding."""
    source, target, labels = map(np.stack, zip(*random_batches(size, steps), strict=True))
    inputs = {"source_ids": source, "target_ids": target}
    return from_memory((inputs, labels, np.ones(labels.shape, "float32")))


def products(precision: str) -> Callable[[], object]:
    """A few large matrix products and nothing else: what the machine gives at most."""
    x = tf.cast(tf.random.normal((PRODUCT_WIDTH, PRODUCT_WIDTH)), precision)

    def multiply():
        for _ in range(PRODUCTS_A_ROUND):
            y = tf.matmul(x, x)
        y.numpy()

    return multiply


def operations(size: Size) -> int:
    """Floating-point operations in the matrix products of a step: forward, and twice that back."""
    width = size.d_model
    attention = 4 * width**2 + 2 * size.length * width
    feed_forward = 2 * width * size.dff
    layers = size.num_layers * (3 * attention + 2 * feed_forward)
    return 3 * 2 * size.batch * size.length * (layers + width * size.vocab_size)


if __name__ == "__main__":
    main()

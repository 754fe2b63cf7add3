"""How long a small GPT of characters takes to a validation loss.

    python benchmarks/language.py --data train.txt --validation val.txt [--torch-python PATH]

nanoGPT's small budget for a CPU: 4 layers, 4 heads, 128 wide, 12 blocks of 64 characters, AdamW on
a cosine wave, no dropout. This package's `Trainer`, KerasHub's `GPT2CausalLM` under `fit` and the
same model on PyTorch get the same batches in the same order; each stands in a process of its own,
and they take turns of `--updates` updates. The validation between them is not timed.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from peers import answering, has_keras_hub, has_torch, started, torch_process
from timing import print_table

import tftransformer as tt

LENGTH, ROWS, BUDGET = 64, 12, 2000
SIZE = {"num_layers": 4, "d_model": 128, "num_heads": 4}
DECAY, BETA = 0.1, 0.99
NO_DECAY = ["bias", "gamma", "beta", "embeddings", "norm"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="text; default: the embedded corpus")
    parser.add_argument("--validation", type=Path, help="text; default: the last tenth")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--updates", type=int, default=100, help="of a round")
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--precision", default="auto", help="of this package's Trainer")
    parser.add_argument("--torch-python", default=sys.executable, help="has torch, transformers")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        answer(CONTENDERS[options.contender])
        return
    order = order_of(options)
    kinds = ["trainer", "keras_hub"] if has_keras_hub() else ["trainer"]
    starts = {name: own_process(name, order) for name in kinds}
    if has_torch(options.torch_python):
        starts["torch"] = torch_process(options.torch_python, order)
    with started(starts) as (weights, asks):
        print(f"{weights:,} weights, {options.rounds} rounds of {options.updates} updates")
        found = {name: [] for name in asks}
        for number in range(options.rounds):
            for name, ask in asks.items():
                found[name].append(ask(number))
            told = (f"{name} {answers[-1][1]:.3f}" for name, answers in found.items())
            print(f"{(number + 1) * options.updates} updates:", *told, flush=True)
    report(found, options.updates)


@contextlib.contextmanager
def own_process(name: str, order: dict):
    """Starts a contender of this script; yields what `torch_process` does."""
    with answering(sys.executable, "language.py", "--contender", name) as ask:
        yield ask(order), ask


def report(found, updates):
    """Seconds of a round, and to the loss that all have reached in the end."""
    reached = {name: min(loss for _, loss in answers) for name, answers in found.items()}
    goal = max(reached.values())
    rows = []
    for name, answers in found.items():
        seconds = [taken for taken, _ in answers[1:]]  # the first one traces
        number = next(i for i, (_, loss) in enumerate(answers) if loss <= goal)
        to_goal = sum(taken for taken, _ in answers[: number + 1])
        median = f"{np.median(seconds):.1f} ({min(seconds):.1f} – {max(seconds):.1f})"
        rows.append(
            [name, median, f"{answers[-1][1]:.3f}", (number + 1) * updates, f"{to_goal:.0f}"]
        )
    head = ["foreseeing characters", f"s for {updates} updates", "last loss"]
    print_table([*head, f"updates to {goal:.3f}", f"s to {goal:.3f}"], rows)


def order_of(options) -> dict:
    """What each contender is told: sizes, batches, rates, in plain data."""
    texts = texts_of(options)
    ids = {character: number for number, character in enumerate(sorted(set(texts[0])))}
    train, validation = (np.array([ids.get(c, 0) for c in text], np.int32) for text in texts)
    count = options.rounds * options.updates
    starts = np.random.default_rng(0).integers(0, len(train) - LENGTH - 1, (count, ROWS))
    blocks = len(validation) // (LENGTH + 1)
    schedule = tt.CosineSchedule(options.rate, BUDGET, BUDGET // 20, options.rate / 100)
    return {
        "updates": options.updates,
        "vocab_size": len(ids),
        "length": LENGTH,
        **SIZE,
        "precision": options.precision,
        "rates": [float(schedule(step)) for step in range(count)],
        "weight_decay": DECAY,
        "beta": BETA,
        "batches": train[starts[..., None] + np.arange(LENGTH + 1)].tolist(),
        "validation": validation[: blocks * (LENGTH + 1)].reshape(blocks, -1).tolist(),
    }


def texts_of(options) -> tuple[str, str]:
    """The text to learn from, and that to score."""
    if options.data is None:
        corpus = tt.everyday_corpus()
        return "\n".join(corpus.train["en"]), "\n".join(corpus.validation["en"])
    text = options.data.read_text(encoding="utf-8")
    if options.validation is not None:
        return text, options.validation.read_text(encoding="utf-8")
    return text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]


class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """Rates in a list, so that all contenders have the same."""

    def __init__(self, rates):
        self.rates = np.array(rates, "float32")

    def __call__(self, step):
        return tf.gather(self.rates, tf.minimum(tf.cast(step, "int32"), len(self.rates) - 1))


class Turns(keras.callbacks.Callback):
    """Trains an epoch for each line that is read, and answers its seconds and validation loss."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.epoch = answers, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if not sys.stdin.readline():
            os._exit(0)  # nobody asks any more
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.taken = time.perf_counter() - self.begun

    def on_epoch_end(self, epoch, logs=None):
        print(json.dumps([self.taken, float(logs["val_loss"])]), file=self.answers, flush=True)


def answer(start) -> None:
    """Reads an order, and trains by turns."""
    answers = os.fdopen(os.dup(1), "w")  # what libraries print must not pass for an answer
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    keras.utils.set_random_seed(0)
    start(
        order, lambda model: print(model.count_params(), file=answers, flush=True), Turns(answers)
    )


def datasets(order, turns, as_inputs):
    """The batches of the epoch whose turn it is, and those of validation."""
    batches = np.array(order["batches"], "int32")
    held_out = np.array(order["validation"], "int32")

    def triple(block):
        return as_inputs(block[..., :-1]), block[..., 1:], tf.ones_like(block[..., 1:], tf.float32)

    def epoch():
        begin = turns.epoch * order["updates"]
        yield from batches[begin : begin + order["updates"]]

    signature = tf.TensorSpec(batches.shape[1:], "int32")
    train = tf.data.Dataset.from_generator(epoch, output_signature=signature).map(triple)
    valid = tf.data.Dataset.from_tensor_slices(held_out).batch(64, drop_remainder=True).map(triple)
    return train.apply(tf.data.experimental.assert_cardinality(order["updates"])), valid


def optimizer_of(order):
    optimizer = keras.optimizers.AdamW(
        Rates(order["rates"]), weight_decay=order["weight_decay"], beta_2=order["beta"]
    )
    optimizer.exclude_from_weight_decay(var_names=NO_DECAY)
    return optimizer


def with_trainer(order, begin, turns):
    """The package's model and loop."""
    size = {name: order[name] for name in SIZE}
    model = tt.Gpt2(
        order["vocab_size"], **size, num_positions=order["length"], dropout=0.0,
        attention_dropout=0.0,
    )  # fmt: skip
    begin(model)
    train, valid = datasets(order, turns, lambda ids: ids)
    tt.Trainer(
        model.only("lm"),
        train,
        valid,
        loss=tt.LabelSmoothedCrossEntropy(0.0),
        optimizer=optimizer_of(order),
        clip_norm=1.0,
        epochs=len(order["batches"]) // order["updates"],
        precision=order["precision"],
        callbacks=[turns],
        verbose=0,
    ).train()


def with_keras_hub(order, begin, turns):
    """KerasHub's model under Keras's loop."""
    import keras_hub

    width = order["d_model"]
    backbone = keras_hub.models.GPT2Backbone(
        order["vocab_size"], order["num_layers"], order["num_heads"], width, 4 * width, 0.0,
        max_sequence_length=order["length"],
    )  # fmt: skip
    model = keras_hub.models.GPT2CausalLM(backbone)
    begin(model)
    train, valid = datasets(
        order, turns, lambda ids: {"token_ids": ids, "padding_mask": tf.ones_like(ids)}
    )
    optimizer = optimizer_of(order)
    optimizer.global_clipnorm = 1.0
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    epochs = len(order["batches"]) // order["updates"]
    how = {"epochs": epochs, "shuffle": False, "callbacks": [turns], "verbose": 0}
    model.fit(train, validation_data=valid, **how)


CONTENDERS = {"trainer": with_trainer, "keras_hub": with_keras_hub}


if __name__ == "__main__":
    main()

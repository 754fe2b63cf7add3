"""What the logits of a large vocabulary cost in training, and what it costs to do without them.

    python benchmarks/vocabulary.py [--vocab-size 50257] [--tokens 1024 4096] [--blocks 256 1024]

A small GPT-2 trains on random ids: with `LabelSmoothedCrossEntropy`, which is given all logits, and
with `BlockedCrossEntropy`, which makes those of a block of tokens at a time. Each stands in a
process of its own, and they take turns.
"""

import argparse

import keras
import numpy as np
from peers import apart, started
from timing import against, from_memory, interleaved, print_table

import tftransformer as tt

SIZES = {"num_layers": 2, "d_model": 128, "num_heads": 4, "dff": 512}
LENGTH = 128
ALL = "all logits"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocab-size", type=int, default=50257)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024, 4096], help="of a batch")
    parser.add_argument("--blocks", type=int, nargs="+", default=[256, 1024], help="of tokens")
    parser.add_argument("--steps", type=int, default=4, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for tokens in options.tokens:
        given = options.vocab_size, tokens, options.steps
        contenders = {ALL: apart(training, *given, None)}
        contenders |= {
            f"blocks of {block}": apart(training, *given, block) for block in options.blocks
        }
        with started(contenders) as (_, tasks):
            times = interleaved(tasks, options.rounds)
            peaks = {name: task() for name, task in tasks.items()}
        for name, taken in times.items():
            update = f"{1000 * np.median(taken) / options.steps:,.0f}"
            peak = f"{peaks[name] / 1e9:.2f}"
            rows.append([f"{tokens} tokens, {name}", update, *against(taken, times, [ALL]), peak])
    print_table(["a batch", "ms an update", "× all logits", "GB at most"], rows)


def training(vocab_size, tokens, steps, block):
    """Builds a model, and a task that trains it for some updates."""
    keras.utils.set_random_seed(0)
    model = tt.Gpt2(vocab_size, **SIZES, num_positions=LENGTH)
    ids = np.random.default_rng(0).integers(1, vocab_size, (steps, tokens // LENGTH, LENGTH + 1))
    ids = ids.astype("int32")
    batches = from_memory(
        ({"token_ids": ids[..., :-1]}, ids[..., 1:], np.ones(ids[..., 1:].shape, "float32"))
    )
    if block is None:
        loss = tt.LabelSmoothedCrossEntropy(0.1)
    else:
        loss = tt.training.BlockedCrossEntropy(model.heads["lm"], 0.1, block=block)
    trainer = tt.Trainer(
        model.only("lm"),
        batches,
        loss=loss,
        metrics=[tt.TokenAccuracy()],
        optimizer=keras.optimizers.Adam(1e-4),
        epochs=10**6,
        callbacks=[OneEpoch()],
        verbose=0,
    )
    return model, trainer.train


class OneEpoch(keras.callbacks.Callback):
    """Each call of `train` is an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


if __name__ == "__main__":
    main()

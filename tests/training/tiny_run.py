"""A tiny training run: helpers of the tests, and a program for the tests that kill processes.

Program: python tiny_run.py DIRECTORY [ACCUMULATION]; prints the number of each finished batch, and
at the end what `outcome` returns.
"""

import hashlib
import sys

import keras
import numpy as np
import tensorflow as tf

from tftransformer.training import (
    Checkpointing,
    CosineSchedule,
    LabelSmoothedCrossEntropy,
    Trainer,
    load_checkpoint,
)

VOCABULARY = 12


def tiny_model(dropout=0.0, width=16, **options):
    ids = keras.Input((None,), dtype="int32", name="target_ids")
    x = keras.layers.Embedding(VOCABULARY, 8)(ids)
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.Dense(width, activation="relu")(x)
    logits = keras.layers.Dense(VOCABULARY, **options)(x)
    return keras.Model({"target_ids": ids}, logits)


class TinyBatches:
    """Batches of uneven weights, `shapes` in turn; the label of a token is three times it."""

    def __init__(self, count, seed=0, shapes=((5, 4),)):
        rng = np.random.default_rng(seed)
        self.items = [self._item(rng, *shapes[i % len(shapes)]) for i in range(count)]

    @staticmethod
    def _item(rng, rows, length):
        ids = rng.integers(1, VOCABULARY, (rows, length)).astype("int32")
        weights = (rng.random((rows, length)) > 0.3).astype("float32")
        return {"target_ids": ids}, (3 * ids % VOCABULARY).astype("int32"), weights

    def __len__(self):
        return len(self.items)

    def dataset(self, epoch=0, start=0):
        order = np.random.default_rng(epoch).permutation(len(self.items))[start:]
        ids = tf.TensorSpec((None, None), "int32")
        signature = ({"target_ids": ids}, ids, tf.TensorSpec((None, None), "float32"))
        return tf.data.Dataset.from_generator(
            lambda: (self.items[i] for i in order), output_signature=signature
        )


def make(train=None, validation=None, **options):
    """A trainer of a fresh model; equal calls give equal runs."""
    keras.utils.set_random_seed(0)
    options = {
        "optimizer": keras.optimizers.Adam(1e-2),
        "precision": "float32",
        "verbose": 0,
        **options,
    }
    model = options.pop("model", None) or tiny_model()
    train = TinyBatches(4, shapes=((5, 4), (3, 7))) if train is None else train
    return Trainer(model, train, validation, **options)


def resume(directory, epochs=3, **options):
    validation = TinyBatches(1)
    return make(validation=validation, epochs=epochs, directory=directory, resume=True, **options)


def digest(model):
    whole = hashlib.sha256()
    for weight in model.get_weights():
        whole.update(np.ascontiguousarray(weight).tobytes())
    return whole.hexdigest()


def outcome(model, history, directory):
    """Digests of the weights and of the average of the checkpoints, and the losses."""
    average = keras.models.clone_model(model)
    load_checkpoint(average, directory, "average")
    losses = history.history
    return f"{digest(model)} {digest(average)} {losses['loss']} {losses['val_loss']}"


def train(directory, accumulation=1, callbacks=()):
    """Dropout, AdamW, a schedule, clipping: everything that has a state."""
    keras.utils.set_random_seed(7)
    model = tiny_model(dropout=0.3)
    trainer = Trainer(
        model,
        TinyBatches(7),
        TinyBatches(2, seed=1),
        loss=LabelSmoothedCrossEntropy(0.1),
        optimizer=keras.optimizers.AdamW(CosineSchedule(1e-2, total_steps=40, warmup_steps=5)),
        epochs=2,
        directory=directory,
        resume=True,
        checkpointing=Checkpointing(every_steps=3),
        gradient_accumulation=accumulation,
        clip_norm=1.0,
        callbacks=callbacks,
        verbose=0,
    )
    return model, trainer.train()


if __name__ == "__main__":
    report = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: print(f"batch {batch}", flush=True)
    )
    model, history = train(sys.argv[1], *map(int, sys.argv[2:]), callbacks=[report])
    print(outcome(model, history, sys.argv[1]))

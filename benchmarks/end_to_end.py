"""How many real target tokens a second, from strings to an epoch trained and validated.

    python benchmarks/end_to_end.py [--train FILE --source en --target de] [--rows 4000]

`DataProcess` and `Trainer` against a `tf.data` pipeline, as one writes it, before a model of
KerasHub's layers under `fit`: the tiny model, the same vocabulary, the same rows, as many rows in
a batch, each in a process of its own. Each round begins with the strings; rounds are interleaved.
"""

import argparse
import dataclasses
import tempfile

import numpy as np
import tensorflow as tf
from input_pipeline import as_batch, embedded_corpus, waste
from peers import apart, has_keras_hub, started
from sizes import SIZES
from timing import against, interleaved, print_table, rate, rate_range
from training import (
    contenders,
    keras_hub_transformer,
    optimizer,
    policy_of,
    smoothed_one_hot,
    trainer_of_epochs,
    transformer,
)

from tftransformer.data import DataProcess, read_table

SIZE = dataclasses.replace(SIZES["tiny"], length=128)
DEFAULT = ["trainer:bfloat16", "keras_hub:float32"]
CONTENDERS = contenders("trainer", "keras_hub")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", help="a table of sentence pairs (default: embedded corpus)")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--rows", type=int, default=4000, help="of these, drawn at random")
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    columns = options.source, options.target
    frame = read_table(options.train) if options.train else embedded_corpus()
    data = DataProcess(
        *columns,
        vocab_size=SIZE.vocab_size,
        max_length=SIZE.length,
        batch_tokens=options.batch_tokens,
    ).fit(frame)
    frame = frame.sample(min(options.rows, len(frame)), random_state=0)
    train, validation = data.train_test_split(frame, test_size=0.1)
    batches = data.batches(train)
    rows = round(len(train) / len(batches))

    names = options.contenders
    if not has_keras_hub():
        names = [name for name in names if not name.startswith("keras_hub")]
    with tempfile.TemporaryDirectory() as folder:
        data.save(folder)
        given = folder, train, validation, rows
        with started({name: apart(contender, name, *given) for name in names}) as (_, tasks):
            times = interleaved(tasks, options.rounds)

    tokens = sum(int(np.sum(weights)) for _, _, weights in batches.iterate())
    print(
        f"{len(train):,} rows, {tokens:,} target tokens to train on, {len(validation):,} rows to "
        f"validate, vocabulary of {data.target_tokenizer.vocab_size:,}, {options.rounds} rounds"
    )
    padding = {"trainer": waste(batches.dataset()), "keras_hub": waste(padded(data, train, rows))}
    head = ["end to end", "target tokens/s", "slowest – fastest"]
    peers = [name for name in times if name.startswith("keras_hub")]
    head += [f"× {peer}" for peer in peers]
    table = []
    for name, taken in times.items():
        part, _, count = padding[name.split(":")[0]]
        row = [name, rate(tokens, taken), rate_range(tokens, taken), *against(taken, times, peers)]
        table.append([*row, f"{part:.1%}", count])
    print_table([*head, "padding", "batches"], table)


def contender(name, folder, train, validation, rows):
    """A model, and a function that goes from strings to the end of an epoch."""
    who, precision = name.split(":")
    return STARTS[who](precision, DataProcess.load(folder), train, validation, rows)


class Texts:
    """Batches for `Trainer` that are made of the strings anew whenever an epoch begins."""

    def __init__(self, data, frame, training):
        self.make = lambda: data.batches(frame, training)
        self.length = len(self.make())

    def __len__(self):
        return self.length

    def dataset(self, epoch, start):
        return self.make().dataset(epoch, start)


def padded(data, frame, rows):
    """The same texts by `tf.data`: shuffled, cut, padded to the longest of each batch."""
    cut = data.target_tokenizer

    def ids(source, target):
        source, target = cut.tokenize(source), cut.tokenize(target)
        edge = tf.ones((target.nrows(), 1), tf.int32)
        ends = edge * cut.special_ids["end"]
        return as_batch(
            tf.concat([source, ends], axis=1).to_tensor(),
            tf.concat([edge * cut.special_ids["start"], target], axis=1).to_tensor(),
            tf.concat([target, ends], axis=1).to_tensor(),
        )

    texts = tuple(frame[column].tolist() for column in data.columns)
    shuffled = tf.data.Dataset.from_tensor_slices(texts).shuffle(len(frame), seed=0)
    cut_ahead = shuffled.batch(rows).map(ids, num_parallel_calls=tf.data.AUTOTUNE)
    return cut_ahead.prefetch(tf.data.AUTOTUNE)


def with_trainer(precision, data, train, validation, rows):
    model = transformer(SIZE, policy_of(precision))
    batches = Texts(data, train, True), Texts(data, validation, False)
    return model, trainer_of_epochs(model, precision, *batches).train


def with_keras_hub(precision, data, train, validation, rows):
    model = keras_hub_transformer(SIZE, None, precision)
    model.compile(optimizer=optimizer(), loss=smoothed_one_hot(SIZE.vocab_size))
    train, validation = padded(data, train, rows), padded(data, validation, rows)
    return model, lambda: model.fit(train, validation_data=validation, verbose=0, shuffle=False)


STARTS = {"trainer": with_trainer, "keras_hub": with_keras_hub}


if __name__ == "__main__":
    main()

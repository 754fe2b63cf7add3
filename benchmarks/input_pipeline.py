"""How fast text becomes batches, and how much of them is padding.

    python benchmarks/input_pipeline.py [--train FILE --source en --target de]

Prints two tables: sentences per second from strings to ids, and real tokens per second from ids
to padded batches, one epoch at a time, each beside what one would write with `tf.data` alone.
The runs of all are interleaved; medians are printed. A ratio is the speed in parts of the first's.
"""

import argparse

import numpy as np
import tensorflow as tf
from timing import interleaved, print_table, rate, ratio

from tftransformer.data import DataProcess, read_table

PEER_ROWS = 5_000  # for the one peer that would take minutes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", help="a table of sentence pairs (default: embedded corpus)")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--vocab-size", type=int, default=2000)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    frame = read_table(options.train) if options.train else embedded_corpus()
    data = DataProcess(
        options.source,
        options.target,
        vocab_size=options.vocab_size,
        batch_tokens=options.batch_tokens,
    ).fit(frame)
    few = frame.head(PEER_ROWS)
    texts = [few[column].tolist() for column in (options.source, options.target)]
    times = interleaved(
        {
            "DataProcess.batches": lambda: data.batches(frame),
            "tf.data: map row by row": lambda: exhaust(cut_in_graph(texts, data.source_tokenizer)),
        },
        options.rounds,
    )
    ours, peer = times.values()
    peer[:] = [seconds * len(frame) / len(few) for seconds in peer]
    print_table(
        ["from strings to ids", "sentences/s", "ratio"],
        [[name, rate(2 * len(frame), taken), ratio(taken, ours)] for name, taken in times.items()],
    )

    batches = data.batches(frame)
    pipelines = {
        "Batches.dataset": batches.dataset(),
        "tf.data: bucket_by_sequence_length": bucketed(batches, options.batch_tokens),
        "tf.data: padded_batch": padded(batches, options.batch_tokens),
    }
    first = next(iter(pipelines))
    tokens = sum(real_tokens(batch) for batch in batches.dataset(epoch=0))
    times = interleaved(
        {name: lambda d=dataset: exhaust(d) for name, dataset in pipelines.items()},
        options.rounds,
    )
    rows = []
    for name, taken in times.items():
        padding, shapes, count = waste(pipelines[name])
        speed = rate(tokens, taken), rate(len(frame), taken)
        graphs = traces(pipelines[name])
        row = [name, *speed, f"{padding:.1%}", shapes, graphs, count, ratio(taken, times[first])]
        rows.append(row)
    heads = ["tokens/s", "rows/s", "padding", "shapes", "traces", "batches", "ratio"]
    print_table(["from ids to batches", *heads], rows)


def embedded_corpus():
    from tftransformer.data.everyday import everyday_corpus

    return everyday_corpus().train


def cut_in_graph(texts, tokenizer):
    """Tokenises each pair by itself, as a map over the rows does."""

    def cut(source, target):
        return tokenizer.tokenize([source])[0], tokenizer.tokenize([target])[0]

    rows = tf.data.Dataset.from_tensor_slices(tuple(texts))
    return rows.map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def unbatched(batches):
    """The same examples row by row, shuffled anew each time."""
    found = [
        [side[side != 0] for side in row]
        for inputs, labels, _ in batches.iterate()
        for row in zip(inputs["source_ids"], inputs["target_ids"], labels, strict=True)
        if row[0][0] != 0
    ]
    columns = [
        tf.RaggedTensor.from_row_lengths(np.concatenate(column), [len(row) for row in column])
        for column in zip(*found, strict=True)
    ]
    rows = tf.data.Dataset.from_tensor_slices(tuple(columns))
    return rows.map(lambda *row: tuple(map(tf.convert_to_tensor, row))).shuffle(10_000, seed=0)


def as_batch(source, target, labels):
    weights = tf.cast(labels != 0, tf.float32)
    return {"source_ids": source, "target_ids": target}, labels, weights


def bucketed(batches, batch_tokens):
    """`bucket_by_sequence_length`, as many buckets as there are shapes, and the same budget."""
    widths = np.unique([max(widths) for _, *widths in batches.shapes]).tolist()
    dataset = unbatched(batches).bucket_by_sequence_length(
        lambda source, target, labels: tf.maximum(tf.size(source), tf.size(target)),
        bucket_boundaries=[width + 1 for width in widths[:-1]],
        bucket_batch_sizes=[batch_tokens // width for width in widths],
    )
    return dataset.map(as_batch).prefetch(tf.data.AUTOTUNE)


def padded(batches, batch_tokens):
    """`padded_batch` of as many rows as the longest row allows."""
    longest = max(max(widths) for _, *widths in batches.shapes)
    dataset = unbatched(batches).padded_batch(batch_tokens // longest)
    return dataset.map(as_batch).prefetch(tf.data.AUTOTUNE)


def exhaust(dataset):
    for _ in dataset:
        pass


def real_tokens(batch):
    inputs, _, _ = batch
    return sum(int(tf.math.count_nonzero(side)) for side in inputs.values())


def waste(dataset):
    """The fraction of padding, the number of shapes and of batches in one epoch."""
    real = positions = count = 0
    shapes = set()
    for inputs, labels, weights in dataset:
        real += real_tokens((inputs, labels, weights))
        positions += sum(int(tf.size(side)) for side in inputs.values())
        shapes.add(tuple(tuple(side.shape) for side in inputs.values()))
        count += 1
    return 1 - real / positions, len(shapes), count


def traces(dataset):
    """How often a function of the dataset's batches, such as a training step, is traced."""
    traced = []

    @tf.function(input_signature=[dataset.element_spec])
    def step(batch):
        traced.append(batch)
        return tf.reduce_sum(batch[-1])

    for batch in dataset:
        step(batch)
    return len(traced)


if __name__ == "__main__":
    main()

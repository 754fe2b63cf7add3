"""For what share of the time a card waits while a model learns from a file of texts.

    cd benchmarks && python -m gpu.idle [--train FILE --source en --target de]

`DataProcess` and `Trainer` as they come, from a table of sentence pairs to the step: the first
epoch compiles, the next runs under TensorFlow's profiler, and what the card did is read from the
trace. Without a card the operations of the processor stand for it, which tries the script.
"""

import argparse
import dataclasses
import itertools
import time
from collections.abc import Iterable

from input_pipeline import embedded_corpus
from sizes import SIZES
from timing import print_table
from traces import Event, kernels, operations, traced
from training import trainer_of_epochs, transformer

from tftransformer.data import DataProcess, read_table

LONGEST = 5  # gaps that are told


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--train", help="a table of sentence pairs (default: embedded corpus)")
    add("--source", default="en")
    add("--target", default="de")
    add("--rows", type=int, default=20_000, help="of these, drawn at random")
    add("--pieces", type=int, default=8_000, help="of the vocabulary, at most the model's")
    add("--batch-tokens", type=int, default=16_384)
    add("--size", choices=SIZES, default="base")
    options = parser.parse_args()
    size = dataclasses.replace(SIZES[options.size], length=128)
    frame = read_table(options.train) if options.train else embedded_corpus()
    frame = frame.sample(min(options.rows, len(frame)), random_state=0)
    data = DataProcess(
        options.source,
        options.target,
        vocab_size=options.pieces,
        max_length=size.length,
        batch_tokens=options.batch_tokens,
    )
    batches = data.fit(frame).batches(frame)
    trainer = trainer_of_epochs(transformer(size, "float32"), "auto", batches)
    print(trainer.choice)
    trainer.train()
    taken = []

    def epoch():
        begun = time.perf_counter()
        trainer.train()
        taken.append(time.perf_counter() - begun)

    trace = traced(epoch)
    found = list(kernels(trace)) or list(operations(trace))
    report(found, taken[0], len(batches))


def report(events: Iterable[Event], seconds: float, steps: int) -> None:
    """Prints how long nothing ran, in all and between two events."""
    gaps = list(pauses(events))
    busy = sum(event.end - event.begin for event in merged(events))
    print(
        f"{steps} steps in {seconds:.2f} s under the profiler. Something ran for {busy:.2f} s: "
        f"{1 - busy / seconds:.1%} of the epoch idle, {sum(gaps):.2f} s of it between the first "
        f"and the last event"
    )
    rows = [[f"{1e3 * gap:,.1f}"] for gap in sorted(gaps, reverse=True)[:LONGEST]]
    print_table(["longest pauses, ms"], rows)


def merged(events: Iterable[Event]) -> list[Event]:
    """The spans in which something ran, one after the other."""
    spans: list[Event] = []
    for event in sorted(events, key=lambda event: event.begin):
        if spans and event.begin <= spans[-1].end:
            spans[-1] = spans[-1]._replace(end=max(spans[-1].end, event.end))
        else:
            spans.append(event)
    return spans


def pauses(events: Iterable[Event]) -> list[float]:
    """The seconds in which nothing ran, between two spans each."""
    spans = merged(events)
    return [after.begin - before.end for before, after in itertools.pairwise(spans)]


if __name__ == "__main__":
    main()

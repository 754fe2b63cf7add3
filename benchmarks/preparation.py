"""How much memory it takes to prepare sentence pairs: what is kept, and the most at any time.

    python benchmarks/preparation.py [--rows 2000000]

Prepares synthetic pairs through `DataProcess.batches` and prints, beside the bytes of their ids,
what is kept afterwards and the peak on the way, as numpy and Python account for it (tracemalloc)
and by what the process grew (resident memory; the strings of the table are not counted, as they
are made before). A plan of the second epoch and its batches are asked for, too.
"""

import argparse
import gc
import time
import tracemalloc

import numpy as np
import pandas as pd
from timing import print_table

from tftransformer.data import DataProcess

WORDS = 5_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    options = parser.parse_args()

    data = DataProcess("en", "de", vocab_size=2000, batch_tokens=options.batch_tokens).fit(
        pairs(20_000)
    )
    frame = pairs(options.rows)
    data.batches(frame.head(1000))  # loads and traces what is needed once

    gc.collect()
    before = resident()
    tracemalloc.start()
    start = time.perf_counter()
    batches = data.batches(frame)
    seconds = time.perf_counter() - start
    next(batches.iterate(epoch=1))
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    grown = resident() - before

    tokens = sum(int(side.values.nbytes) for side in columns(batches))
    print(f"{batches}\nids: {tokens / 1e6:,.0f} MB; prepared in {seconds:,.0f} s")
    rows = [
        [name, f"{amount / 1e6:,.0f}", f"{amount / tokens:.2f}"]
        for name, amount in {"kept": kept, "peak": peak, "process grew by": grown}.items()
    ]
    print_table(["memory", "MB", "× ids"], rows)


def pairs(rows):
    """Sentences of 5 to 25 words, drawn from few letters so that a small vocabulary cuts them."""
    random = np.random.default_rng(0)
    words = np.array(["".join(random.choice(list("abcdefghij"), 4)) for _ in range(WORDS)])
    sides = {}
    for name in ("en", "de"):
        lengths = random.integers(5, 26, rows)
        drawn = words[random.integers(0, WORDS, lengths.sum())].tolist()
        ends = np.cumsum(lengths).tolist()
        sides[name] = [
            " ".join(drawn[end - length : end])
            for end, length in zip(ends, lengths.tolist(), strict=True)
        ]
    return pd.DataFrame(sides)


def columns(batches):
    """The rows of ids that the inputs are views of."""
    return [column.ids for column in batches.examples.inputs.values()]


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    main()

"""What attention costs in long texts: all scores at once, and in blocks of queries.

    python benchmarks/long_texts.py [--lengths 512 1024 2048 4096] [--masks causal window] [--jit]
    python benchmarks/long_texts.py --any-length --lengths 16 64 512 2048

One layer's attention of one text (12 heads, 64 wide), under `CausalMask()`, under a window of 64
tokens to each side, and under one of 255 tokens behind. Each length and mask stands in processes of
its own, which take turns; blocks are taken or not whatever the package would choose. With
`--any-length` no length is known to the graph, as in an export, and it chooses when it runs.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
from peers import apart, started
from timing import against, interleaved, print_table

import tftransformer as tt
from tftransformer.layers import blocked_attention

HEADS, WIDTH = 12, 64
MASKS = {
    "causal": tt.CausalMask(),
    "window": tt.SlidingWindowMask(64, 64),
    "window behind": tt.SlidingWindowMask(255, 0),
}
AT_ONCE, CHOSEN = "at once", "as chosen"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--lengths", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    add("--masks", nargs="+", choices=sorted(MASKS), default=["causal", "window"])
    add("--blocks", type=int, nargs="+", default=[128, 256, 512], help="of queries")
    add("--rows", type=int, default=1, help="of a batch")
    add("--rounds", type=int, default=5)
    add("--jit", action="store_true", help="compile by XLA")
    add("--any-length", action="store_true", help="a graph that is not told lengths")
    add("--precision", default="float32", help="of queries, keys and values")
    options = parser.parse_args()
    rows = []
    for mask in options.masks:
        for length in options.lengths:
            for training in (False, True):
                given = mask, options.rows, length, training, options.jit, options.precision
                if options.any_length:
                    ways = {CHOSEN: CHOSEN}
                else:
                    ways = {f"blocks of {b}": b for b in options.blocks if b < length}
                ways = {AT_ONCE: None, **ways}
                contenders = {
                    name: apart(attention, *given, options.any_length, way)
                    for name, way in ways.items()
                }
                with started(contenders) as (_, tasks):
                    times = interleaved(tasks, options.rounds)
                    peaks = {name: task() for name, task in tasks.items()}
                what = f"{mask}, {length} tokens" + (", with gradient" if training else "")
                for name, taken in times.items():
                    ms, peak = f"{1000 * np.median(taken):,.0f}", f"{peaks[name] / 1e9:.2f}"
                    rows.append([f"{what}, {name}", ms, *against(taken, times, [AT_ONCE]), peak])
    print_table(["", "ms", "× at once", "GB at most"], rows)


def attention(mask, rows, length, training, jit, precision, any_length, block):
    """Builds a core, and a task that runs it once."""
    if block != CHOSEN:
        tt.layers.attention_core.are_many = lambda *_: block is not None
        blocked_attention.BLOCK = block or blocked_attention.BLOCK
    core, expression = tt.layers.SoftmaxAttention(dtype=precision), MASKS[mask]
    shape = (rows, HEADS, length, WIDTH)
    core.build(shape)
    given = [keras.random.normal(shape, seed=seed, dtype=precision) for seed in range(3)]

    def attend(*given):
        places = tf.range(tf.shape(given[0])[2])
        names = ("query_positions", "key_positions", "query_columns")
        context = dict.fromkeys(names, places)
        told = {"mask": expression(context), "context": context, "expression": expression}
        with tf.GradientTape() as tape:
            tape.watch(given)
            seen = core(*given, **told)[0]
        return tape.gradient(seen, given) if training else seen

    told = [tf.TensorSpec([rows, HEADS, None, WIDTH], precision)] * 3 if any_length else None
    run = tf.function(attend, told, jit_compile=jit, autograph=False)

    def once():
        run(*given)
        tf.test.experimental.sync_devices()

    return core, once


if __name__ == "__main__":
    main()

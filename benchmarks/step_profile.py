"""Where the time of a training step goes: its operations by kind.

    python benchmarks/step_profile.py [--size tiny|base] [--contender trainer:bfloat16]

Traces an epoch of a contender of training.py with TensorFlow's profiler. The times of operations
that run beside each other add up to more than the step takes.
"""

import argparse
import collections
import time

from sizes import SIZES
from timing import print_table
from traces import operations, traced
from training import ON_KERAS, contenders


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--contender", choices=contenders(*ON_KERAS), default="trainer:bfloat16")
    parser.add_argument("--steps", type=int, default=2, help="batches in the epoch")
    options = parser.parse_args()
    who, precision = options.contender.split(":")
    _, epoch = ON_KERAS[who](SIZES[options.size], options.steps, precision)
    for _ in range(2):  # the first builds the graph
        start = time.perf_counter()
        epoch()
        seconds = time.perf_counter() - start
    times = collections.defaultdict(list)
    for operation in operations(traced(epoch)):
        times[operation.name].append(operation.end - operation.begin)
    total = sum(map(sum, times.values()))
    print(
        f"{options.size}, {options.contender}: {1e3 * seconds / options.steps:,.0f} ms a step, "
        f"{1e3 * total / options.steps:,.0f} ms of operations"
    )
    ranked = sorted(times.items(), key=lambda item: -sum(item[1]))
    print_table(
        ["operation", "ms a step", "share", "number a step"],
        [
            [
                kind,
                f"{1e3 * sum(taken) / options.steps:,.1f}",
                f"{sum(taken) / total:.1%}",
                f"{len(taken) / options.steps:,.0f}",
            ]
            for kind, taken in ranked[:20]
        ],
    )


if __name__ == "__main__":
    main()

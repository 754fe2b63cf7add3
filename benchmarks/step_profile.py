"""Where the time of a training step goes: its operations by kind.

    python benchmarks/step_profile.py [--size tiny|base] [--contender trainer:bfloat16]

Traces an epoch of a contender of training.py with TensorFlow's profiler. The times of operations
that run beside each other add up to more than the step takes.
"""

import argparse
import collections
import tempfile
import time
from pathlib import Path

import tensorflow as tf
from sizes import SIZES
from tensorflow.tsl.profiler.protobuf import xplane_pb2
from timing import print_table
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
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        epoch()
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        times = by_kind(xplane_pb2.XSpace.FromString(file.read_bytes()))
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


def by_kind(trace: xplane_pb2.XSpace) -> dict[str, list[float]]:
    """Seconds of each execution of an operation on the CPU, by the kind of operation."""
    times = collections.defaultdict(list)
    for plane in trace.planes:
        if "CPU" in plane.name:
            for event in (event for line in plane.lines for event in line.events):
                node, separator, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if separator and kind.isidentifier() and not node.endswith(":"):
                    times[kind].append(event.duration_ps / 1e12)
    return times


if __name__ == "__main__":
    main()

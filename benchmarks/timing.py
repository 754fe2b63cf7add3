"""Interleaved measurements and their tables, shared by the benchmarks."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def interleaved(
    tasks: Mapping[str, Callable[[], object]], rounds: int, rest: float = 0.0
) -> dict[str, list[float]]:
    """Times tasks in turn, so that a slow moment of the machine strikes them all.

    Args:
        tasks: name → function that ends only when its work is done.
        rounds: number of timed rounds; one more before them warms up and is not counted.
        rest: seconds before each task, in which threads that spin go to sleep.

    Returns:
        name → seconds of each round.
    """
    seconds = {name: [] for name in tasks}
    for _ in range(rounds + 1):
        for name, task in tasks.items():
            time.sleep(rest)
            start = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - start)
    return {name: taken[1:] for name, taken in seconds.items()}


def from_memory(arrays):
    """A dataset of batches, from arrays whose first axis counts them.

    TensorFlow's autotuning is off: its thread can hold up the end of an iteration for as long as
    that took.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensor_slices(arrays).prefetch(2).with_options(options)


def rate(amount: float, seconds: Sequence[float]) -> str:
    """Amount per second in the median round."""
    return f"{amount / statistics.median(seconds):,.0f}"


def rate_range(amount: float, seconds: Sequence[float]) -> str:
    """Amount per second in the slowest and in the fastest round."""
    return f"{amount / max(seconds):,.0f} – {amount / min(seconds):,.0f}"


def ratio(seconds: Sequence[float], peer: Sequence[float]) -> str:
    """How many times as fast as `peer` for the same amount of work: median over median."""
    return f"{statistics.median(peer) / statistics.median(seconds):.2f}"


def ratio_range(seconds: Sequence[float], peer: Sequence[float]) -> str:
    """Lowest and highest ratio within one round."""
    ratios = [theirs / own for own, theirs in zip(seconds, peer, strict=True)]
    return f"{min(ratios):.2f} – {max(ratios):.2f}"


def against(taken: Sequence[float], times: Mapping[str, Sequence[float]], peers) -> list[str]:
    """For each of some peers, `ratio` and `ratio_range` in one cell."""
    return [f"{ratio(taken, times[peer])} ({ratio_range(taken, times[peer])})" for peer in peers]


def peak_memory() -> int:
    """The most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # `getrusage` would count the memory of the process that started this one, too.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows under their column names, the first column to the left, all others right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    print()
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        line = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print("  ".join(line))

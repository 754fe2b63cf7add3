"""How many tokens a second GPT-2 writes on one card.

    cd benchmarks && python -m gpu.generation [--batches 1 32] [--kept FILE]

The small GPT-2 with weights of chance writes 128 tokens behind prompts of 64, greedily: this
package in a graph and compiled by XLA, and `generate` of `transformers` on PyTorch. Each has the
card to itself. `--size tiny` tries it on a processor.
"""

import argparse
import sys
from pathlib import Path

import generation
from gpu.alone import alone, say_devices
from peers import has_torch
from sizes import FAMILIES
from timing import print_table, rate, rate_range, ratio

PROMPT, TOKENS = 64, 128
OURS = [f"{who}:{how}" for who in ("ours", "ours_xla") for how in ("float32", "mixed_bfloat16")]
PEERS = ["torch:float32", "torch:bfloat16"]
TINY = {"num_layers": 2, "d_model": 32, "num_heads": 2, "dff": 128, "vocab_size": 500}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--batches", type=int, nargs="+", default=[1, 32])
    add("--contenders", nargs="+", choices=OURS + PEERS, default=OURS + PEERS)
    add("--size", choices=("tiny", "whole"), default="whole")
    add("--rounds", type=int, default=5)
    add("--torch-python", default=sys.executable, help="has torch, transformers")
    add("--kept", type=Path, help="a file of figures, which several commands fill")
    options = parser.parse_args()
    python = options.torch_python
    say_devices(python)
    names = [name for name in options.contenders if name in OURS or has_torch(python)]
    widths = TINY if options.size == "tiny" else FAMILIES["gpt2"].widths
    for batch in options.batches:
        starts = {
            f"{batch} × {TOKENS} {name}": generation.start(
                name, widths, batch, PROMPT, TOKENS, python
            )
            for name in names
        }
        report(alone(starts, options.rounds, options.kept), batch * TOKENS)


def report(found: dict, tokens: int) -> None:
    """Prints a row for each contender."""
    peers = [name for name in found if name.endswith(tuple(PEERS))]
    head = ["GPT-2, greedy", "tokens/s", "slowest – fastest", "peak GiB", "compiling, s"]
    rows = []
    for name, figures in found.items():
        taken = figures.seconds
        row = [name, rate(tokens, taken), rate_range(tokens, taken), f"{figures.peak / 2**30:.2f}"]
        against = [ratio(taken, found[peer].seconds) for peer in peers]
        rows.append([*row, f"{figures.compiling:.0f}", *against])
    print_table([*head, *(f"× {peer.split()[-1]}" for peer in peers)], rows)


if __name__ == "__main__":
    main()

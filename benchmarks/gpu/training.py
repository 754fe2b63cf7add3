"""How many tokens a second models train on, on one card.

    cd benchmarks && python -m gpu.training [--models base bert gpt2] [--kept FILE]

The base Transformer (256 × 64 target tokens), BERT base with 76 masked tokens of 512 in each of 32
rows, and the small GPT-2 (16 × 1,024 tokens): `Trainer` as it comes, `Trainer` with
`mixed_bfloat16` and XLA by hand, `fit`, KerasHub's models under `fit`, and PyTorch's. Each has the
card to itself. `--size tiny` tries it all on a processor.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import family_training
import training
from gpu.alone import alone, say_devices
from sizes import FAMILIES, SIZES, Size
from timing import print_table, rate, rate_range, ratio

BY_DEFAULT = "trainer:auto"
CONTENDERS = [
    BY_DEFAULT,
    "trainer_xla:mixed_bfloat16",
    "fit:mixed_bfloat16",
    "keras_hub:mixed_bfloat16",
    "torch:bfloat16",
    "torch_compiled:bfloat16",
]
MODELS = {
    "base": dataclasses.replace(SIZES["base"], batch=256, length=64),
    "bert": dataclasses.replace(FAMILIES["bert"], batch=32),
    "gpt2": dataclasses.replace(FAMILIES["gpt2"], batch=16, length=1024),
}
TINY = Size(2, 32, 2, 64, vocab_size=500, batch=4, length=40)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, default=list(MODELS))
    add("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    add("--size", choices=("tiny", "whole"), default="whole")
    add("--rounds", type=int, default=5)
    add("--steps", type=int, default=20, help="batches in a round")
    add("--torch-python", default=sys.executable, help="has torch, transformers")
    add("--kept", type=Path, help="a file of figures, which several commands fill")
    options = parser.parse_args()
    python, steps = options.torch_python, options.steps
    say_devices(python)
    contenders = training.installed(options.contenders, python)
    for model in options.models:
        size = TINY if options.size == "tiny" else MODELS[model]
        starts = {f"{model} {who}": start(model, who, size, steps, python) for who in contenders}
        print(f"{model}: {size}, {options.rounds} rounds of {steps} batches")
        report(model, alone(starts, options.rounds, options.kept), steps * size.batch * size.length)


def start(model: str, name: str, size: Size, steps: int, torch_python: str):
    """A contender that is yet to be built, as those of training.py and family_training.py are."""
    if model == "base":
        return training.start(name, size, steps, torch_python)
    return family_training.start(model, name, size, steps, torch_python)


def report(model: str, found: dict, tokens: int) -> None:
    """Prints a row for each contender."""
    times = {name: figures.seconds for name, figures in found.items()}
    head = [f"training {model}", "tokens/s", "slowest – fastest", "peak GiB", "compiling, s"]
    rows = []
    for name, figures in found.items():
        taken = figures.seconds
        row = [name, rate(tokens, taken), rate_range(tokens, taken)]
        row += [f"{figures.peak / 2**30:.2f}", f"{figures.compiling:.0f}", f"{figures.weights:,}"]
        rows.append([*row, *(ratio(times[own], taken) for own in _own(found))])
    print_table([*head, "weights", *(f"{name} is × faster" for name in _own(found))], rows)


def _own(found: dict) -> list[str]:
    """Who is compared with all others: the `Trainer` as it comes."""
    return [name for name in found if name.endswith(BY_DEFAULT)]


if __name__ == "__main__":
    main()

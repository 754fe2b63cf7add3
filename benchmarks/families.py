"""How many tokens a second the model families read, and how fast their weights come from a folder.

    python benchmarks/families.py [--size small|base] [--families bert gpt2] [--torch-python PATH]
    python benchmarks/families.py --loading

Compares the forward pass of each family with KerasHub's model of the same size, where it has one,
and with that of `transformers` on PyTorch. Random weights, float32, batches without padding, no
head but BERT's pooler; rounds are interleaved.
"""

import argparse
import contextlib
import dataclasses
import functools
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from peers import has_keras_hub, has_torch, torch_process
from timing import (
    interleaved,
    peak_memory,
    print_table,
    rate,
    rate_range,
    ratio,
    ratio_range,
)

from tftransformer import models, pretrained

BATCH, LENGTH = 8, 128
SIZES = {
    "small": {"num_layers": 4, "d_model": 256, "num_heads": 4, "dff": 1024},
    "base": {"num_layers": 12, "d_model": 768, "num_heads": 12, "dff": 3072},
}
OURS, HUB, TORCH = "tftransformer", "KerasHub", "transformers, PyTorch"


@dataclasses.dataclass(frozen=True)
class Family:
    """A family and its peers.

    Attributes:
        model: name of the class in this package.
        vocab_size: that of the published weights.
        arguments: of the class, beside the size.
        backbone: name of KerasHub's class, or None.
        backbone_arguments: of KerasHub's class, beside the size.
        inputs: what KerasHub's class reads beside the ids, all of the same shape.
        on_torch: whether `transformers` has a model that runs.
    """

    model: str
    vocab_size: int
    arguments: dict = dataclasses.field(default_factory=dict)
    backbone: str | None = None
    backbone_arguments: dict = dataclasses.field(default_factory=dict)
    inputs: tuple[str, ...] = ("padding_mask",)
    on_torch: bool = True


MEMORY = {"memory_length": LENGTH, "same_length": False, "clamp": None, "cutoffs": ()}
FAMILIES = {
    "albert": Family("Albert", 30000, inputs=("padding_mask", "segment_ids")),
    "bert": Family(
        "Bert",
        30522,
        {"heads": ["pooled"]},
        backbone="BertBackbone",
        inputs=("padding_mask", "segment_ids"),
    ),
    "roberta": Family("Roberta", 50265, backbone="RobertaBackbone"),
    "distilbert": Family("DistilBert", 30522, backbone="DistilBertBackbone"),
    "electra": Family("Electra", 30522, inputs=("padding_mask", "segment_ids")),
    "modern_bert": Family("ModernBert", 50368, {"heads": ()}),
    "deberta_v2": Family("DebertaV2", 128100, {"heads": ()}),
    "gpt2": Family("Gpt2", 50257, backbone="GPT2Backbone"),
    "t5": Family(
        "T5",
        32128,
        backbone="T5Backbone",
        backbone_arguments={"use_gated_activation": False},
    ),
    "xlnet": Family(
        "XLNet", 32000, backbone="XLNetBackbone", inputs=("padding_mask", "segment_ids")
    ),
    "xlm": Family("XLM", 30145),
    "transformer_xl": Family("TransformerXL", 32000, MEMORY, on_torch=False),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--torch-python", default=sys.executable, help="has torch, transformers")
    parser.add_argument("--xla", action="store_true", help="compile the TensorFlow models by XLA")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="batches in a round")
    parser.add_argument("--loading", action="store_true", help="folders instead of forward passes")
    options = parser.parse_args()
    if options.loading:
        loading(options.rounds)
        return

    peers = [HUB] * has_keras_hub() + [TORCH] * has_torch(options.torch_python)
    print(
        f"{options.size}: {SIZES[options.size]}, batches of {BATCH} × {LENGTH} tokens, float32, "
        f"{'XLA, ' if options.xla else ''}{options.rounds} rounds of {options.steps} batches"
    )
    head = ["forward pass", "weights", "tokens/s", "slowest – fastest"]
    head += [part for peer in peers for part in (f"× {peer}", "lowest – highest")]
    for name in options.families:
        print_table(head, measure(name, peers, options))


def measure(name: str, peers: list[str], options: argparse.Namespace) -> list[list[str]]:
    """Times one family; returns a row for each contender."""
    family = FAMILIES[name]
    size = {**SIZES[options.size], "vocab_size": family.vocab_size}
    ids = np.random.default_rng(0).integers(10, family.vocab_size, (BATCH, LENGTH), "int32")
    keras.backend.clear_session()
    with contextlib.ExitStack() as stack:
        contenders = {OURS: ours(family, size, ids, options.xla)}
        if HUB in peers and family.backbone:
            contenders[HUB] = keras_hub_model(family, size, ids, options.xla)
        if TORCH in peers and family.on_torch:
            contenders[TORCH] = stack.enter_context(
                torch_model(name, size, ids, options.torch_python)
            )
        tasks = {
            contender: functools.partial(repeat, forward, options.steps)
            for contender, (_, forward) in contenders.items()
        }
        times = interleaved(tasks, options.rounds)
    tokens = options.steps * ids.size
    rows = []
    for contender, taken in times.items():
        weights = f"{contenders[contender][0]:,}"
        row = [
            f"{family.model}, {contender}",
            weights,
            rate(tokens, taken),
            rate_range(tokens, taken),
        ]
        for peer in peers:
            told = peer in times
            row.append(ratio(taken, times[peer]) if told else "–")
            row.append(ratio_range(taken, times[peer]) if told else "–")
        rows.append(row)
    return rows


def repeat(function: Callable[[], object], times: int) -> None:
    """Calls a function a few times."""
    for _ in range(times):
        function()


def ours(family: Family, size: dict, ids: np.ndarray, xla: bool):
    """The package's model: its number of weights, and a function that runs one batch."""
    model = getattr(models, family.model)(**size, **{"heads": (), **family.arguments})
    mask = np.ones(ids.shape, "bool")
    if family.model == "T5":
        inputs = {"source_ids": ids, "target_ids": ids, "source_padding_mask": mask}
    else:
        inputs = {"token_ids": ids, "padding_mask": mask}
    return model.count_params(), compiled(model, inputs, xla)


def keras_hub_model(family: Family, size: dict, ids: np.ndarray, xla: bool):
    """KerasHub's model: its number of weights, and a function that runs one batch."""
    import keras_hub

    model = getattr(keras_hub.models, family.backbone)(
        vocabulary_size=size["vocab_size"],
        num_layers=size["num_layers"],
        num_heads=size["num_heads"],
        hidden_dim=size["d_model"],
        intermediate_dim=size["dff"],
        **family.backbone_arguments,
    )
    inputs = {"token_ids": ids, **{name: np.ones_like(ids) for name in family.inputs}}
    if family.model == "T5":
        inputs = {
            f"{side}_{name}": value
            for side in ("encoder", "decoder")
            for name, value in inputs.items()
        }
    return model.count_params(), compiled(model, inputs, xla)


def compiled(model: keras.Model, inputs: dict, xla: bool) -> Callable[[], object]:
    """Returns a function that runs a model in a graph and waits for what it computes."""
    forward = tf.function(lambda given: model(given, training=False), jit_compile=xla)
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    return lambda: tf.nest.map_structure(lambda output: output.numpy(), forward(inputs))


@contextlib.contextmanager
def torch_model(name: str, size: dict, ids: np.ndarray, python: str) -> Iterator[tuple]:
    """The model of `transformers` in another process, as the other two."""
    with torch_process(python, {"family": name, "size": size}) as (weights, ask):
        ids = ids.tolist()
        yield weights, lambda: ask(ids)


def loading(rounds: int) -> None:
    """Prints what writing and reading a folder of BERT-base costs."""
    with tempfile.TemporaryDirectory() as folder:
        alone(write_folder, folder)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        jobs = {
            "imports alone": import_alone,
            "build": build,
            "build, save_pretrained": write_folder,
            "from_pretrained": read_folder,
        }
        costs = {name: [] for name in jobs}
        for _ in range(rounds):
            for name, job in jobs.items():
                costs[name].append(alone(job, folder))
    print(
        f"BERT-base, a folder of {size / 2**20:,.0f} MiB, {rounds} rounds, a process for each job"
    )
    idle = statistics.median(peak for _, peak in costs["imports alone"])
    rows = []
    for name, pairs in costs.items():
        seconds, peaks = zip(*pairs, strict=True)
        peak = statistics.median(peaks)
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.2f}",
                f"{min(seconds):.2f} – {max(seconds):.2f}",
                f"{peak / 2**20:,.0f}",
                f"{(peak - idle) / size:.2f}",
            ]
        )
    print_table(["job", "seconds", "fastest – slowest", "peak MiB", "× file"], rows)


def alone(job: Callable[[str], float], folder: str) -> tuple[float, int]:
    """Returns the seconds of a job and the most bytes that a process of its own held."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(observed, (job, folder))


def observed(job: Callable[[str], float], folder: str) -> tuple[float, int]:
    """Runs in the new process."""
    tf.constant(0)  # starts TensorFlow
    seconds = job(folder)
    return seconds, peak_memory()


def import_alone(folder: str) -> float:
    """Does nothing."""
    return 0.0


def build(folder: str) -> float:
    """Makes BERT-base with random weights."""
    start = time.perf_counter()
    models.Bert()
    return time.perf_counter() - start


def write_folder(folder: str) -> float:
    """Makes BERT-base and writes it; the seconds are those of writing."""
    model = models.Bert()
    start = time.perf_counter()
    pretrained.save_pretrained(model, folder)
    return time.perf_counter() - start


def read_folder(folder: str) -> float:
    """Reads BERT-base."""
    start = time.perf_counter()
    pretrained.from_pretrained(folder)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

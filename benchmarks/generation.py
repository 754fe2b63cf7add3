"""How fast GPT-2 writes, and how much memory that takes.

    python benchmarks/generation.py [--batch 8] [--prompt 64] [--tokens 64]

GPT-2 of the smallest published size with random weights writes greedily: `start_decoding` and
`Greedy` of this package against KerasHub's `GPT2CausalLM.generate`, both with a cache and in a
graph without XLA. Each stands in a process of its own, and they take turns.
"""

import argparse
import contextlib
import functools
import sys

import numpy as np
import tensorflow as tf
from peers import apart, has_keras_hub, started, torch_process
from sizes import FAMILIES
from timing import against, interleaved, print_table, rate, rate_range

import tftransformer as tt

NO_END_ID = -1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64, help="new tokens of each text")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    names = ["ours:float32", "ours:mixed_bfloat16"]
    if has_keras_hub():
        names += ["keras_hub:float32", "keras_hub:mixed_bfloat16"]
    given = FAMILIES["gpt2"].widths, options.batch, options.prompt, options.tokens
    with started({name: start(name, *given) for name in names}) as (_, tasks):
        times = interleaved(tasks, options.rounds)
        peaks = {name: task() for name, task in tasks.items()}
    written = options.batch * options.tokens
    peers = [name for name in names if name.startswith("keras_hub")]
    print(
        f"{options.batch} prompts of {options.prompt} tokens, {options.tokens} new ones, "
        f"{options.rounds} rounds"
    )
    rows = []
    for name, taken in times.items():
        row = [
            name,
            rate(written, taken),
            rate_range(written, taken),
            *against(taken, times, peers),
        ]
        rows.append([*row, f"{peaks[name] / 2**30:.2f}"])
    head = ["GPT-2, greedy", "tokens/s", "slowest – fastest", *(f"× {peer}" for peer in peers)]
    print_table([*head, "peak GiB"], rows)


@contextlib.contextmanager
def start(
    name: str,
    widths: dict,
    batch: int,
    prompt: int,
    tokens: int,
    torch_python: str = sys.executable,
):
    """Builds a contender in a process of its own; yields what `apart` does."""
    who, precision = name.split(":")
    shape = batch, prompt
    ids = np.random.default_rng(0).integers(0, widths["vocab_size"], shape, dtype="int32")
    if who != "torch":
        with apart(WRITERS[who], precision, widths, ids, tokens) as built:
            yield built
        return
    order = {"prompts": ids.tolist(), "tokens": tokens, "size": widths}
    with torch_process(torch_python, {**order, "bfloat16": precision == "bfloat16"}) as process:
        weights, ask = process
        yield weights, lambda: int(ask("write"))


def ours(policy: str, widths: dict, ids: np.ndarray, tokens: int, jit_compile: bool = False):
    model = tt.Gpt2(**widths, dtype=policy)

    @tf.function(autograph=False, jit_compile=jit_compile)
    def decode(ids):
        step = model.start_decoding(ids, cache_length=ids.shape[1] + tokens)
        found = tt.Greedy()(step, ids, max_new_tokens=tokens, end_id=NO_END_ID, pad_id=0)
        return found.ids

    return model, lambda: decode(tf.constant(ids)).numpy()


def keras_hub_model(policy: str, widths: dict, ids: np.ndarray, tokens: int):
    import keras_hub

    sizes = [widths[n] for n in ("vocab_size", "num_layers", "num_heads", "d_model", "dff")]
    backbone = keras_hub.models.GPT2Backbone(*sizes, dtype=policy)
    model = keras_hub.models.GPT2CausalLM(backbone)
    model.compile(sampler="greedy", jit_compile=False)
    room = ((0, 0), (0, tokens))
    inputs = {"token_ids": np.pad(ids, room), "padding_mask": np.pad(np.ones_like(ids), room)}
    return model, lambda: model.generate(inputs, stop_token_ids=None)


WRITERS = {
    "ours": ours,
    "ours_xla": functools.partial(ours, jit_compile=True),
    "keras_hub": keras_hub_model,
}


if __name__ == "__main__":
    main()

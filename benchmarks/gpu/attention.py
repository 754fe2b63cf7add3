"""What attention costs on one card: all scores at once, in blocks, and by cuDNN's flash attention.

    cd benchmarks && python -m gpu.attention differences
    cd benchmarks && python -m gpu.attention speed [--shapes 16x1024 2x16384] [--kept FILE]

An experiment that a person with a card runs to decide whether the package should have this kernel.
It has been compiled on a processor as far as XLA's backend, but **it has never run on a card**:
`differences` comes first, and says for each mask how far the kernel's outputs and gradients in
bfloat16 are from the core of the package in float32, and, beside it, how far that core itself is in
bfloat16. `speed` times the forward pass alone and with its gradient, and tells the memory, of 12
heads of 64, compiled by XLA, each contender with the card to itself. cuDNN gets queries, keys and
values as (batch, length, heads, width), in which a projection leaves them; the package's core as
(batch, heads, length, width).
"""

import argparse
import functools
from pathlib import Path

import numpy as np
import tensorflow as tf
from gpu.alone import alone, say_devices
from gpu.flash_attention import flash_attention
from long_texts import HEADS, MASKS, WIDTH, attention
from peers import apart
from timing import print_table, ratio

import tftransformer as tt

# cuDNN's masks, and the same by the package. A window of 256 keys counts the query's own place.
KERNELS = {"causal": ("CAUSAL", 0), "window behind": ("CAUSAL", 256)}
EXPRESSIONS = {
    ("NO_MASK", 0): None,
    ("CAUSAL", 0): tt.CausalMask(),
    ("CAUSAL", 256): MASKS["window behind"],
    ("PADDING", 0): tt.PaddingMask(),
    ("PADDING_CAUSAL", 0): tt.CausalMask() & tt.PaddingMask(),
}
CALLS = 10  # in a round
BLOCK = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("what", choices=("differences", "speed"))
    add("--shapes", nargs="+", default=["16x1024", "2x16384"], help="texts x tokens")
    add("--masks", nargs="+", choices=KERNELS, default=list(KERNELS))
    add("--rounds", type=int, default=5)
    add("--kept", type=Path, help="a file of figures, which several commands fill")
    options = parser.parse_args()
    if options.what == "differences":
        differences()
        return
    say_devices(torch_python=None)
    for shape in options.shapes:
        for mask in options.masks:
            for training in (False, True):
                speed(shape, mask, training, options)


def speed(shape: str, mask: str, training: bool, options) -> None:
    """Prints a row for each core."""
    rows, length = map(int, shape.split("x"))
    given = mask, rows, length, training, True, "bfloat16"
    contenders = {
        "at once": apart(repeated, attention, *given, None),
        "blocks": apart(repeated, attention, *given, BLOCK),
        "cuDNN": apart(repeated, by_cudnn, mask, rows, length, training),
    }
    what = f"{shape}, {mask}" + (", with gradient" if training else "")
    named = {f"{what}, {name}": start for name, start in contenders.items()}
    found = alone(named, options.rounds, options.kept)
    peers = [name for name in found if not name.endswith("cuDNN")]
    table = []
    for name, figures in found.items():
        ms, peak = 1e3 * np.median(figures.seconds) / CALLS, figures.peak / 2**30
        against = [ratio(figures.seconds, found[peer].seconds) for peer in peers]
        table.append([name, f"{ms:.2f}", f"{peak:.2f}", *against])
    print_table(["", "ms", "peak GiB", *(f"× {peer.split(', ')[-1]}" for peer in peers)], table)


def repeated(build, *given):
    """A core, and a task that runs it several times."""
    core, once = build(*given)
    return core, lambda: [once() for _ in range(CALLS)]


def by_cudnn(mask: str, rows: int, length: int, training: bool):
    """The kernel as `long_texts.attention` builds a core: with a task that runs it once."""
    kind, window = KERNELS[mask]
    given = [drawn((rows, length, HEADS, WIDTH), seed) for seed in range(3)]

    def attend(*given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            seen = flash_attention(*given, mask=kind, window=window)
        return tape.gradient(seen, given) if training else seen

    run = tf.function(attend, jit_compile=True, autograph=False)

    def once():
        run(*given)
        tf.test.experimental.sync_devices()

    core = tt.layers.SoftmaxAttention()  # it has no weights either
    core.build(given[0].shape)
    return core, once


def drawn(shape: tuple, seed: int, dtype: str = "bfloat16") -> tf.Tensor:
    """Normal numbers, the same for each seed, that bfloat16 holds exactly."""
    return tf.cast(tf.cast(tf.random.stateless_normal(shape, (seed, 0)), "bfloat16"), dtype)


def differences(rows: int = 4, length: int = 512) -> None:
    """Prints for each mask how far outputs and gradients are from those in float32."""
    table = []
    for (mask, window), expression in EXPRESSIONS.items():
        lengths = np.array([length, length // 2, 7, 1][:rows], "int32")
        real = np.arange(length) < lengths[:, None]
        if not mask.startswith("PADDING"):
            lengths, real = None, np.ones_like(real)
        kernel = functools.partial(flash_attention, lengths=lengths, mask=mask, window=window)
        exact = pulled(functools.partial(by_core, real, expression, "float32"), "float32", real)
        core = pulled(functools.partial(by_core, real, expression, "bfloat16"), "bfloat16", real)
        name = f"{mask}, window {window}" if window else mask
        try:
            found = pulled(kernel, "bfloat16", real)
        except tf.errors.OpError as error:
            print(f"{name} is refused: {error.message[:200]}")
        else:
            sees = np.abs(found[-1]).max(initial=0.0)
            row = [*map(distance, found[:-1], exact), f"at most {sees:.1e}"]
            table.append([f"{name}, cuDNN", *row])
        table.append([f"{name}, core in bfloat16", *map(distance, core[:-1], exact)])
    head = ["of the largest value", "output", "query", "key", "value", "padding sees"]
    print_table(head, [row + [""] * (len(head) - len(row)) for row in table])


def pulled(attend, dtype: str, real: np.ndarray) -> list[np.ndarray]:
    """Outputs of real queries; gradients of query, key and value; outputs of padding.

    The gradient of what padding sees is 0.
    """
    shape = *real.shape, HEADS, WIDTH
    given = [drawn(shape, seed, dtype) for seed in range(3)]
    upstream = drawn(shape, 3, dtype) * tf.cast(real, dtype)[..., None, None]

    @tf.function(jit_compile=True, autograph=False)
    def run(*given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            seen = attend(*given)
        return seen, *tape.gradient(seen, given, output_gradients=upstream)

    seen, *gradients = (tf.cast(x, "float32").numpy() for x in run(*given))
    return [seen * real[..., None, None], *gradients, seen[~real]]


def by_core(real: np.ndarray, expression, dtype: str, *given) -> tf.Tensor:
    """The package's core, all scores at once, of tensors (batch, length, heads, width)."""
    core = tt.layers.SoftmaxAttention(dtype=dtype)
    places = tf.range(real.shape[1])
    context = {"query_positions": places, "key_positions": places, "query_columns": places}
    context["padding_mask"] = tf.constant(real)
    mask = None if expression is None else expression(context)
    turned = [tf.transpose(x, (0, 2, 1, 3)) for x in given]
    return tf.transpose(core(*turned, mask=mask)[0], (0, 2, 1, 3))


def distance(found: np.ndarray, exact: np.ndarray) -> str:
    """The largest difference, as a part of the largest value."""
    return f"{np.abs(found - exact).max() / np.abs(exact).max():.1e}"


if __name__ == "__main__":
    main()

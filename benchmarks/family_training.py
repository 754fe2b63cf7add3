"""How many tokens a second BERT, a classifier on BERT and GPT-2 train on.

    python benchmarks/family_training.py [--families bert gpt2] [--contenders …]
    python benchmarks/family_training.py --families classifier --torch-python PATH

Masked and causal language models, and a classifier of texts, of base size under the `Trainer` of
this package against KerasHub's under `fit` and those of `transformers` on PyTorch: the same
weights, dropout, loss positions and batches, Adam, each in a process of its own; rounds are
interleaved, a round is one epoch. The package's own also compute the accuracy.
"""

import argparse
import contextlib
import functools
import sys

import keras
import numpy as np
from peers import apart, started, torch_process
from sizes import CLASSES, FAMILIES, Size
from timing import against, from_memory, interleaved, print_table, rate, rate_range
from training import (
    DROPOUT,
    contenders,
    installed,
    optimizer,
    policy_of,
    torch_order,
    trainer_of_epochs,
)

import tftransformer as tt

DEFAULT = [
    "trainer:float32",
    "trainer:bfloat16",
    "keras_hub:float32",
    "keras_hub:mixed_bfloat16",
    "torch:float32",
    "torch:bfloat16",
]
CONTENDERS = contenders("trainer", "keras_hub", "torch", "torch_compiled")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=DEFAULT)
    parser.add_argument("--torch-python", default=sys.executable, help="has torch, transformers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1, help="batches in a round")
    options = parser.parse_args()

    steps, python = options.steps, options.torch_python
    names = installed(options.contenders, python)
    for family in options.families:
        size = FAMILIES[family]
        starts = {name: start(family, name, size, steps, python) for name in names}
        with started(starts) as (weights, tasks):
            print(
                f"{family}: {weights:,} weights, batches of {size.batch} × {size.length} tokens, "
                f"{options.rounds} rounds of {steps} batches"
            )
            times = interleaved(tasks, options.rounds)
            peaks = {name: task() for name, task in tasks.items()}
        tokens = steps * size.batch * size.length
        peers = [name for name in names if not name.startswith("trainer")]
        rows = []
        for name, taken in times.items():
            speed = rate(tokens, taken), rate_range(tokens, taken)
            peak = f"{peaks[name] / 2**30:.2f}"
            rows.append([name, *speed, *against(taken, times, peers), peak])
        ratios = [f"× {peer}" for peer in peers]
        head = [f"training {family}", "tokens/s", "slowest – fastest", *ratios, "peak GiB"]
        print_table(head, rows)


@contextlib.contextmanager
def start(family: str, name: str, size: Size, steps: int, torch_python: str):
    """Builds a contender in a process of its own; yields what `apart` does."""
    if not name.startswith("torch"):
        with apart(contender, family, name, size, steps) as built:
            yield built
        return
    order = torch_order(family, name, size, ON_TORCH[family](size, steps), smoothing=0.0)
    with torch_process(torch_python, order) as (weights, ask):
        yield weights, lambda: int(ask("epoch"))


def contender(family: str, name: str, size: Size, steps: int):
    """A model, and a function that trains it for an epoch."""
    who, precision = name.split(":")
    make = MODELS[family]["keras_hub" if who == "keras_hub" else "trainer"]
    model = make(size, policy_of(precision))
    return model, STARTS[who](model, precision, DATA[family](size, steps))


def bert(size, policy):
    # KerasHub's BERT always has a pooler.
    return bert_with(size, policy, {"pooled": {}, "masked_lm": {}}).only("masked_lm")


def classifier(size, policy):
    heads = {"sequence_classification": {"labels": CLASSES}}
    return bert_with(size, policy, heads).only("sequence_classification")


def bert_with(size, policy, heads):
    rates = {"dropout": DROPOUT, "attention_dropout": DROPOUT}
    return tt.Bert(**size.widths, **rates, heads=heads, dtype=policy)


def gpt2(size, policy):
    rates = {"dropout": DROPOUT, "attention_dropout": DROPOUT}
    return tt.Gpt2(**size.widths, **rates, dtype=policy).only("lm")


def keras_hub_bert(size, policy):
    import keras_hub

    return keras_hub.models.BertMaskedLM(backbone(keras_hub.models.BertBackbone, size, policy))


def keras_hub_classifier(size, policy):
    import keras_hub

    stack = backbone(keras_hub.models.BertBackbone, size, policy)
    return keras_hub.models.BertTextClassifier(stack, CLASSES, dropout=DROPOUT)


def keras_hub_gpt2(size, policy):
    import keras_hub

    return keras_hub.models.GPT2CausalLM(backbone(keras_hub.models.GPT2Backbone, size, policy))


def backbone(kind, size, policy):
    widths = size.vocab_size, size.num_layers, size.num_heads, size.d_model, size.dff
    return kind(*widths, DROPOUT, dtype=policy)


MODELS = {
    "bert": {"trainer": bert, "keras_hub": keras_hub_bert},
    "classifier": {"trainer": classifier, "keras_hub": keras_hub_classifier},
    "gpt2": {"trainer": gpt2, "keras_hub": keras_hub_gpt2},
}


def random_ids(size, steps, more=0):
    """Random ids, int array (steps, rows, tokens and so many more)."""
    shape = (steps, size.batch, size.length + more)
    return np.random.default_rng(0).integers(0, size.vocab_size, shape, dtype="int32")


def masked(size, steps):
    """Ids, the places of 15 % of each row, and what is to be found there: batch by batch."""
    ids, draw = random_ids(size, steps), np.random.default_rng(1)
    order = np.argsort(draw.random(ids.shape), axis=-1).astype("int32")
    places = np.sort(order[..., : size.length * 15 // 100], axis=-1)
    labels = draw.integers(0, size.vocab_size, places.shape, dtype="int32")
    return zip(ids, places, labels, strict=True)


def masked_batches(size, steps):
    """The same for Keras: (inputs, labels, weights)."""
    ids, places, labels = map(np.stack, zip(*masked(size, steps), strict=True))
    inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids)}
    inputs |= {"padding_mask": np.ones_like(ids), "mask_positions": places}
    return as_dataset(inputs, labels)


def causal(size, steps):
    """Ids, and the next of each, which is to be foreseen: batch by batch."""
    ids = random_ids(size, steps, more=1)
    return zip(ids[..., :-1], ids[..., 1:], strict=True)


def causal_batches(size, steps):
    """The same for Keras: (inputs, labels, weights)."""
    ids, labels = map(np.stack, zip(*causal(size, steps), strict=True))
    return as_dataset({"token_ids": ids, "padding_mask": np.ones_like(ids)}, labels)


def classified(size, steps):
    """Ids, their mask, and a class for each row: batch by batch."""
    ids = random_ids(size, steps)
    labels = np.random.default_rng(1).integers(0, CLASSES, ids.shape[:2], dtype="int32")
    return zip(ids, np.ones_like(ids), labels, strict=True)


def classified_batches(size, steps):
    """The same for Keras: (inputs, labels, weights)."""
    ids, mask, labels = map(np.stack, zip(*classified(size, steps), strict=True))
    segments = np.zeros_like(ids)
    return as_dataset({"token_ids": ids, "padding_mask": mask, "segment_ids": segments}, labels)


DATA = {"bert": masked_batches, "gpt2": causal_batches, "classifier": classified_batches}
ON_TORCH = {"bert": masked, "gpt2": causal, "classifier": classified}


def as_dataset(inputs, labels):
    weights = np.ones(labels.shape, "float32")
    return from_memory((inputs, labels, weights))


def with_trainer(model, precision, data, jit_compile="auto"):
    return trainer_of_epochs(model, precision, data, smoothing=0.0, jit_compile=jit_compile).train


def with_fit(model, precision, data):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer(), loss=loss)
    return lambda: model.fit(data, verbose=0, shuffle=False)


STARTS = {
    "trainer": with_trainer,
    "trainer_xla": functools.partial(with_trainer, jit_compile=True),
    "fit": with_fit,
    "keras_hub": with_fit,
}


if __name__ == "__main__":
    main()

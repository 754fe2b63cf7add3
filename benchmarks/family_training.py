"""How many tokens a second BERT, a classifier on BERT and GPT-2 train on.

    python benchmarks/family_training.py [--families bert gpt2] [--contenders …]
    python benchmarks/family_training.py --families classifier --torch-python PATH

Masked and causal language models, and a classifier of texts, of base size under the `Trainer` of
this package against KerasHub's under `fit`, and the classifier against `transformers` on PyTorch:
the same weights, dropout, loss positions and batches, Adam, each in a process of its own; rounds
are interleaved, a round is one epoch. The package's own also compute the accuracy.
"""

import argparse
import contextlib
import sys

import keras
import numpy as np
from peers import apart, has_keras_hub, has_torch, started, torch_process
from timing import against, from_memory, interleaved, print_table, rate, rate_range
from training import DROPOUT, contenders, optimizer, policy_of, trainer_of_epochs

import tftransformer as tt

# Rows and tokens of a batch.
SHAPES = {"bert": (2, 512), "gpt2": (2, 512), "classifier": (32, 128)}
MASKED = 76  # of each row: 15 %
CLASSES = 3
DEFAULT = [
    "trainer:float32",
    "trainer:bfloat16",
    "keras_hub:float32",
    "keras_hub:mixed_bfloat16",
    "torch:float32",
    "torch:bfloat16",
]
CONTENDERS = contenders("trainer", "keras_hub", "torch")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=DEFAULT)
    parser.add_argument("--torch-python", default=sys.executable, help="has torch, transformers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1, help="batches in a round")
    options = parser.parse_args()

    on_keras = ["trainer", "keras_hub"] if has_keras_hub() else ["trainer"]
    for family in options.families:
        with_torch = family in ON_TORCH and has_torch(options.torch_python)
        kinds = [*on_keras, "torch"] if with_torch else on_keras
        names = [name for name in options.contenders if name.split(":")[0] in kinds]
        starts = {name: start(family, name, options) for name in names}
        batch, length = SHAPES[family]
        with started(starts) as (weights, tasks):
            print(
                f"{family}: {weights:,} weights, batches of {batch} × {length} tokens, "
                f"{options.rounds} rounds of {options.steps} batches"
            )
            times = interleaved(tasks, options.rounds)
            peaks = {name: task() for name, task in tasks.items()}
        tokens = options.steps * batch * length
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
def start(family: str, name: str, options):
    """Builds a contender in a process of its own; yields what `apart` does."""
    who, precision = name.split(":")
    if who != "torch":
        with apart(contender, family, name, options.steps) as built:
            yield built
        return
    order = {
        "model": family,
        "bfloat16": precision == "bfloat16",
        "size": {"classes": CLASSES},
        "dropout": DROPOUT,
        "smoothing": 0.0,
        "batches": ON_TORCH[family](options.steps),
    }
    with torch_process(options.torch_python, order) as (weights, ask):
        yield weights, lambda: int(ask("epoch"))


def contender(family: str, name: str, steps: int):
    """A model, and a function that trains it for an epoch."""
    who, precision = name.split(":")
    model = MODELS[family][who](policy_of(precision))
    return model, STARTS[who](model, precision, DATA[family](steps))


def bert(policy):
    # KerasHub's BERT always has a pooler.
    heads = ["pooled", "masked_lm"]
    model = tt.Bert(dropout=DROPOUT, attention_dropout=DROPOUT, heads=heads, dtype=policy)
    return model.only("masked_lm")


def classifier(policy):
    heads = {"sequence_classification": {"labels": CLASSES}}
    model = tt.Bert(dropout=DROPOUT, attention_dropout=DROPOUT, heads=heads, dtype=policy)
    return model.only("sequence_classification")


def gpt2(policy):
    return tt.Gpt2(dropout=DROPOUT, attention_dropout=DROPOUT, dtype=policy).only("lm")


def keras_hub_bert(policy):
    import keras_hub

    backbone = keras_hub.models.BertBackbone(30522, 12, 12, 768, 3072, DROPOUT, dtype=policy)
    return keras_hub.models.BertMaskedLM(backbone)


def keras_hub_classifier(policy):
    import keras_hub

    backbone = keras_hub.models.BertBackbone(30522, 12, 12, 768, 3072, DROPOUT, dtype=policy)
    return keras_hub.models.BertTextClassifier(backbone, CLASSES, dropout=DROPOUT)


def keras_hub_gpt2(policy):
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(50257, 12, 12, 768, 3072, DROPOUT, dtype=policy)
    return keras_hub.models.GPT2CausalLM(backbone)


MODELS = {
    "bert": {"trainer": bert, "keras_hub": keras_hub_bert},
    "classifier": {"trainer": classifier, "keras_hub": keras_hub_classifier},
    "gpt2": {"trainer": gpt2, "keras_hub": keras_hub_gpt2},
}


def masked_batches(steps):
    """Random ids, a part of which the model is to find: (inputs, labels, weights)."""
    draw = np.random.default_rng(0)
    ids = draw.integers(1000, 30522, (steps, *SHAPES["bert"]), dtype="int32")
    places = np.argsort(draw.random(ids.shape), axis=-1)[..., :MASKED].astype("int32")
    return as_dataset(
        {
            "token_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.ones_like(ids),
            "mask_positions": np.sort(places, axis=-1),
        },
        draw.integers(1000, 30522, places.shape, dtype="int32"),
    )


def causal_batches(steps):
    """Random ids, each of which the model is to foresee: (inputs, labels, weights)."""
    batch, length = SHAPES["gpt2"]
    shape = (steps, batch, length + 1)
    ids = np.random.default_rng(0).integers(0, 50257, shape, dtype="int32")
    inputs, labels = ids[..., :-1], ids[..., 1:]
    return as_dataset({"token_ids": inputs, "padding_mask": np.ones_like(inputs)}, labels)


def classified(steps):
    """Random ids, and a class for each row: int arrays (steps, rows, tokens), (steps, rows)."""
    draw = np.random.default_rng(0)
    ids = draw.integers(1000, 30522, (steps, *SHAPES["classifier"]), dtype="int32")
    return ids, draw.integers(0, CLASSES, ids.shape[:2], dtype="int32")


def classified_batches(steps):
    """The same for Keras: (inputs, labels, weights)."""
    ids, labels = classified(steps)
    mask, segments = np.ones_like(ids), np.zeros_like(ids)
    return as_dataset({"token_ids": ids, "padding_mask": mask, "segment_ids": segments}, labels)


def classified_lists(steps):
    """The same for PyTorch: ids, masks and labels of each batch, as plain lists."""
    return [
        [ids.tolist(), np.ones_like(ids).tolist(), labels.tolist()]
        for ids, labels in zip(*classified(steps), strict=True)
    ]


DATA = {"bert": masked_batches, "gpt2": causal_batches, "classifier": classified_batches}
ON_TORCH = {"classifier": classified_lists}


def as_dataset(inputs, labels):
    weights = np.ones(labels.shape, "float32")
    return from_memory((inputs, labels, weights))


def with_trainer(model, precision, data):
    return trainer_of_epochs(model, precision, data, smoothing=0.0).train


def with_fit(model, precision, data):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer(), loss=loss)
    return lambda: model.fit(data, verbose=0, shuffle=False)


STARTS = {"trainer": with_trainer, "keras_hub": with_fit}


if __name__ == "__main__":
    main()

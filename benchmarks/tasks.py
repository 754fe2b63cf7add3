"""How many texts a second the tasks answer, from strings to answers.

    python benchmarks/tasks.py [--tasks classify tag answer embed] [--sizes base minilm] \
        [--batches 1 32] [--vocabulary FOLDER] [--peer-python PATH]

Each task as an object and as its SavedModel, beside the pipelines of `transformers` on PyTorch and
beside ONNX Runtime with the same weights. Each stands in a process of its own, and they take turns.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from peers import answering
from timing import against, interleaved, print_table, rate, rate_range

import tftransformer as tt
from tftransformer.pretrained import read_tokenizer, save_tokenizer
from tftransformer.pretrained.tokenizer import FolderTokenizer

SIZES = {
    "base": {"num_layers": 12, "d_model": 768, "num_heads": 12, "dff": 3072},
    "minilm": {"num_layers": 6, "d_model": 384, "num_heads": 12, "dff": 1536},
}
ENTITIES = ["O", *(f"{part}-{kind}" for kind in ("PER", "LOC", "ORG", "MISC") for part in "BI")]
# The class of each task, and the heads of its model.
TASKS = {
    "classify": (
        tt.TextClassifier,
        {"sequence_classification": {"labels": ["bad", "good", "odd"]}},
    ),
    "tag": (tt.TokenClassifier, {"token_classification": {"labels": ENTITIES}}),
    "answer": (tt.QuestionAnswerer, {"span": {}}),
    "embed": (tt.TextEmbedder, {"pooled": {}}),
}
OURS = "saved_model-float32"
# Kind and weights, and whether this package or TensorFlow alone serves it.
SERVERS = {
    OURS: True,
    "saved_model-bfloat16": True,
    "saved_model-int8": True,
    "compiled-float32": True,
    "compiled-int8": True,
    "object-float32": True,
    "transformers-float32": False,
    "transformers-bfloat16": False,
    "onnxruntime-float32": False,
    "onnxruntime-int8": False,
}
PEERS = ["transformers-float32", "onnxruntime-float32", "onnxruntime-int8"]
DEFAULT = [name for name in SERVERS if not name.startswith("compiled")]
# Threads of a peer that spin while they wait go to sleep in it.
REST = 0.25
QUESTION = "where did they see the old man with the dog?"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--length", type=int, default=128, help="tokens of a row")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocabulary", type=Path, help="a folder with a WordPiece tokenizer")
    parser.add_argument("--peer-python", default=sys.executable, help="has the peers' packages")
    parser.add_argument("--models", type=Path, help="keeps the models, and takes them from here")
    options = parser.parse_args()
    rows = []
    with contextlib.ExitStack() as stack:
        root = options.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for size in options.sizes:
            for task in options.tasks:
                folder = root / f"{task}-{size}"
                write_models(folder, task, SIZES[size], options)
                rows += measure(folder, task, size, options)
    names = [name for name in PEERS if name in options.servers]
    head = ["texts", "ms", "texts/s", "slowest – fastest", *(f"× {name}" for name in names)]
    print_table([*head, "equal"], rows)


def measure(folder, task, size, options):
    """Answers in all ways, in turn; returns the rows of the table."""
    tokenizer = read_tokenizer(folder / "model").tokenizer
    rows = []
    with contextlib.ExitStack() as stack:
        servers = {}
        for kind in options.servers:
            python = sys.executable if SERVERS[kind] else options.peer_python
            ask = stack.enter_context(answering(python, "tasks_peer.py", kind, task, folder))
            try:
                ask()
                servers[kind] = ask
            except RuntimeError:
                print(f"{kind} is left out: {python} cannot serve it. --peer-python names another.")
        for batch in options.batches:
            given = texts_of(tokenizer, task, batch, options.length)
            answers = {kind: ask({"show": given}) for kind, ask in servers.items()}
            asked = {
                kind: lambda ask=ask, given=given: ask({"answer": given})
                for kind, ask in servers.items()
            }
            times = interleaved(asked, options.rounds, rest=REST)
            for kind, taken in times.items():
                rows.append(
                    [
                        f"{task}, {size}, {batch} × {options.length}, {kind}",
                        f"{1000 * np.median(taken):.1f}",
                        rate(batch, taken),
                        rate_range(batch, taken),
                        *against(taken, times, [name for name in PEERS if name in times]),
                        equal(answers[kind], answers.get(OURS)),
                    ]
                )
    return rows


def texts_of(tokenizer, task, count, length):
    """Rows of full length: texts, or questions and their contexts."""
    corpus = tt.everyday_corpus().train["en"].tolist()
    words = np.random.default_rng(0).permutation(" ".join(corpus[:4000]).split()).tolist()
    taken = len(tokenizer.encode([QUESTION]).ids.values) + 1 if task == "answer" else 0
    room, rows = length - 2 - taken, []
    for _ in range(count):
        row = []
        while (used := len(tokenizer.encode([" ".join(row)]).ids.values)) < room:
            few = room - used < 20
            row += ["the"] if few else [words.pop() for _ in range((room - used) // 8)]
        rows.append(" ".join(row))
    return [[QUESTION, row] for row in rows] if task == "answer" else rows


def equal(found, expected):
    """How many answers are those of the float32 SavedModel; vectors by their cosine."""
    if expected is None:
        return ""
    if isinstance(expected[0], list) and expected[0] and isinstance(expected[0][0], float):
        cosines = [
            np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
            for a, b in zip(found, expected, strict=True)
        ]
        return f"cos {min(cosines):.4f}"
    return f"{np.mean([a == b for a, b in zip(found, expected, strict=True)]):.0%}"


def write_models(folder, task, size, options):
    """Writes one model, with weights of chance, as a folder and as SavedModels, where it lacks."""
    kind, heads = TASKS[task]
    if not (folder / "model").is_dir():
        keras.utils.set_random_seed(0)
        read = read_vocabulary(options.vocabulary)
        model = tt.Bert(read.tokenizer.vocab_size, **size, heads=heads)
        for name, head in model.heads.items():
            if name != "pooled":
                spread(head)
        tt.save_pretrained(model, folder / "model")
        save_tokenizer(read, folder / "model")
    ready = None
    for server in options.servers:
        how, weights = server.split("-")
        path = folder / server
        if how in ("saved_model", "compiled") and not path.is_dir():
            ready = ready or kind(folder / "model", max_length=options.length)
            ready.export(path, weights=weights, jit_compile=how == "compiled")


def read_vocabulary(folder):
    """The tokenizer of a folder, or one that is learnt from the embedded corpus."""
    if folder is not None:
        return read_tokenizer(folder)
    texts = tt.everyday_corpus().train["en"].tolist()
    tokenizer = tt.WordPieceTokenizer.learn(texts, 2000, lower_case=True)
    return FolderTokenizer(tokenizer, tt.text.Template.bert())


def spread(head):
    """Gives logits the deviation 1, and the first of many labels (no entity) most of the tokens."""
    for weight in head.weights:
        if len(weight.shape) == 2 and weight.shape[1] < 32:
            weight.assign(
                np.random.default_rng(1).normal(size=weight.shape) * weight.shape[0] ** -0.5
            )
        elif weight.shape == (len(ENTITIES),):
            weight.assign(3.0 * (np.arange(len(ENTITIES)) == 0))


if __name__ == "__main__":
    main()

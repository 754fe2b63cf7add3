"""Exports of every task with rounded weights answer as with whole ones, but for a little.

The bound: what is decided (labels, places, texts) is the same, and numbers differ by at most 0.05,
coordinates of vectors of the length 1 by 0.02; measured are up to 0.03 and 0.004.
"""

import bare_process
import numpy as np
import pandas as pd
import pytest

import tftransformer as tt

pytestmark = pytest.mark.slow  # each task is trained, and a process loads its exports
HOW = {"validation": 0, "verbose": 0}
SIZES = {"num_layers": 1, "d_model": 32, "num_heads": 2, "dff": 32, "dropout": 0.0}
WRITES = {"vocab_size": 300, "max_length": 20, "learning_rate": 0.02, "warmup_steps": 20}
PAIRS = [
    ("the dog sleeps", "der Hund schläft"),
    ("a cat eats", "eine Katze frisst"),
    ("the cat sleeps", "die Katze schläft"),
    ("a dog eats", "ein Hund frisst"),
]
# Weights, whether XLA compiles, and how large the export may be beside that in float32.
ROUNDED = {
    "bfloat16": ("bfloat16", False, 0.6),
    "int8": ("int8", False, 0.45),
    "int8, compiled": ("int8", True, 0.45),
}


def classifier():
    texts = ["a good film", "a bad film", "good fun", "bad jokes", "so good", "so bad"] * 9
    task = tt.TextClassifier(vocab_size=60, learning_rate=0.003)
    task.fit(texts, ["good", "bad"] * 27, epochs=40, **HOW)
    return task, {"texts": ["a good film", "bad jokes", "so so good"]}


def tagger():
    texts = ["Ann met Bob", "Bob left", "they met Ann in Rome", "Rome is old"] * 9
    ann, bob = (0, 3, "PER"), (8, 11, "PER")
    spans = [[ann, bob], [ann], [(9, 12, "PER"), (16, 20, "LOC")], [(0, 4, "LOC")]] * 9
    task = tt.TokenClassifier({"num_layers": 1}, vocab_size=60, learning_rate=0.003)
    task.fit(texts, spans, epochs=60, **HOW)
    return task, {"texts": ["they met Ann in Rome", "Bob left", "is"]}


def answerer():
    names = ["Ann", "Zoe", "Bob", "Tim"]
    rows = [
        (f"who {did} ?", f"{one} left and {other} met .", (one, other)[did == "met"])
        for did in ("left", "met")
        for one in names
        for other in names
        if one != other
    ]
    frame = pd.DataFrame(rows, columns=["question", "context", "answer"])
    sizes = {"vocab_size": 60, "max_length": 32, "stride": 4, "model": {"num_layers": 1}}
    task = tt.QuestionAnswerer(learning_rate=0.003, **sizes).fit(frame, epochs=80, **HOW)
    questions, contexts = zip(*(row[:2] for row in rows[::7]), strict=True)
    return task, {"questions": questions, "contexts": contexts}


def chooser():
    rows = [("it rains", "what is wet?", ["the street", "fire"], 0)] * 9
    rows += [("the sun shines", "what is hot?", ["ice", "the sand"], 1)] * 9
    task = tt.MultipleChoice(vocab_size=50, learning_rate=0.003).fit(rows, epochs=20, **HOW)
    contexts, questions, choices, _ = zip(*rows[::9], strict=True)
    return task, {"contexts": contexts, "questions": questions, "choices": choices}


def filler():
    texts = ["a good film", "a bad joke", "so much fun"] * 9
    task = tt.FillMask({"d_model": 32}, vocab_size=60, learning_rate=0.01)
    task.fit(texts, epochs=60, **HOW)
    return task, {"texts": ["a good fil<mask>", "so <mask>uch fun"]}


def embedder():
    pairs = [("how do I pay?", "payment"), ("where is my card?", "card delivery")] * 9
    task = tt.TextEmbedder(vocab_size=50).fit(pairs, epochs=10, **HOW)
    return task, {"texts": ["how do I pay?", "where?"]}


def writer():
    sizes = {"vocab_size": 40, "max_length": 32, "learning_rate": 0.01}
    task = tt.TextGenerator(
        {"num_layers": 1, "d_model": 32}, options={"max_new_tokens": 8}, **sizes
    )
    # One word decides: what hangs on two is learnt late, and rounding could turn it.
    task.fit(["the dog sleeps", "a cat eats"] * 18, epochs=60, **HOW)
    return task, {"prompts": ["the dog", "a cat"]}


def summarizer():
    texts, summaries = zip(*((text, other.split()[1]) for text, other in PAIRS * 9), strict=True)
    task = tt.Summarizer(SIZES, **WRITES).fit(texts, summaries, epochs=25, **HOW)
    return task, {"texts": [text for text, _ in PAIRS]}


def extractor():
    draw = np.random.default_rng(0)
    rows = [[f"{name} met us.", "It rained.", "We left."] for name in ("Ann", "Bob", "Zoe")] * 12
    texts = [" ".join(draw.permutation(row)) for row in rows]
    task = tt.ExtractiveSummarizer(vocab_size=60, max_length=32, stride=4, learning_rate=0.003)
    task.fit(texts, [row[0] for row in rows], epochs=40, **HOW)
    return task, {"texts": texts[:3]}


def translator():
    frame = pd.DataFrame(PAIRS * 9, columns=["en", "de"])
    task = tt.Translator(SIZES, **WRITES).fit(frame, source="en", target="de", epochs=25, **HOW)
    return task, {"texts": [text for text, _ in PAIRS]}


def parser():
    trees = ["(S (NP (DT a) (NN dog)) (VP (VBZ barks)))", "(NP (NN fun))"] * 9
    task = tt.Parser({"num_layers": 1}, vocab_size=50, learning_rate=0.003)
    return task.fit(trees, epochs=40, **HOW), {"texts": ["a dog barks", "fun", "a dog"]}


def sequence_parser():
    trees = ["(S (NP (DT a) (NN dog)) (VP (VBZ barks)))", "(NP (NN fun))"] * 9
    task = tt.SequenceParser(SIZES, vocab_size=50, learning_rate=0.02, warmup_steps=20)
    return task.fit(trees, epochs=40, **HOW), {"texts": ["a dog barks", "fun", "a dog"]}


MAKERS = (
    classifier,
    tagger,
    answerer,
    chooser,
    filler,
    embedder,
    writer,
    summarizer,
    extractor,
    translator,
    parser,
    sequence_parser,
)


def test_all_tasks_are_here():
    from tftransformer.tasks.task import Task

    def pages(kind):
        for page in kind.__subclasses__():
            yield from ([page] if "task" in vars(page) else []) + [*pages(page)]

    known = {page.__name__ for page in pages(Task) if page.__module__.startswith("tftransformer.")}
    assert len(known) == len(MAKERS), known


@pytest.mark.parametrize("make", MAKERS)
def test_rounded_weights_change_no_decision_and_numbers_little(make, tmp_path):
    task, asked = make()
    exact = task.export(tmp_path / "float32", **({"top_k": 1} if make is filler else {}))
    paths = {
        name: task.export(
            tmp_path / name,
            weights=weights,
            jit_compile=jit_compile,
            **({"top_k": 1} if make is filler else {}),
        )
        for name, (weights, jit_compile, _) in ROUNDED.items()
    }
    served = bare_process.served(dict.fromkeys((exact, *paths.values()), asked))
    expected, *_ = served[str(exact)]
    bound = 0.02 if make is embedder else 0.05
    for name, path in paths.items():
        for found in served[str(path)]:
            assert found.keys() == expected.keys()
            for output, value in expected.items():
                check(f"{name}: {output}", np.array(found[output]), np.array(value), bound)
        assert size_of(path) < ROUNDED[name][2] * size_of(exact)


def check(name, found, expected, bound):
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=0.02, atol=bound, err_msg=name)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=name)


def size_of(path):
    return sum(file.stat().st_size for file in (path / "variables").iterdir())

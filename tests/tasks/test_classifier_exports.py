"""Exports of all kinds of classifiers, run by a process that has TensorFlow alone."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tftransformer.models import Bert
from tftransformer.tasks import TextClassifier
from tftransformer.text import WordPieceTokenizer

TEXTS = ["a good film", "good fun", "a bad film", "bad jokes", "no film", "fun and jokes"] * 4
LABELS = ["good", "good", "bad", "bad", "odd", "good"] * 4
ASKED = ["a good joke", "", "bad film " * 40, "日本語"]
HOW = {"epochs": 2, "verbose": 0, "validation": 0}
SETTINGS = {"vocab_size": 60, "learning_rate": 0.01, "max_length": 16}
KINDS = ("several", "vectors", "pairs", "given")
pytestmark = pytest.mark.slow  # each trains, and a process loads them all

SERVE = """
import json, pathlib, sys
import tensorflow as tf
import tensorflow_text
def plain(outputs):
    found = {name: value.tolist() for name, value in outputs.items()}
    return json.loads(json.dumps(found, default=bytes.decode))
found = {}
for folder, inputs in json.loads(sys.stdin.read()).items():
    module = tf.saved_model.load(folder)
    eager = module.signatures["serving_default"](**{k: tf.constant(v) for k, v in inputs.items()})
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
        signature = graph.signature_def["serving_default"]
        fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        inside = session.run(fetches, feeds)
    assert set(inside) == set(eager)
    found[folder] = [plain({k: v.numpy() for k, v in eager.items()}), plain(inside)]
assert "tftransformer" not in {name.partition(".")[0] for name in sys.modules}
print(json.dumps(found))
"""


def fitted(kind):
    """A classifier of a kind, and what to ask it."""
    if kind == "several":
        labels = [[] if label == "odd" else [label, "any"] for label in LABELS]
        return TextClassifier(labels=kind, **SETTINGS).fit(TEXTS, labels, **HOW), ASKED
    if kind == "vectors":
        labels = [[float(len(label)), 1.0] for label in LABELS]
        return TextClassifier(labels="numbers", **SETTINGS).fit(TEXTS, labels, **HOW), ASKED
    if kind == "pairs":
        pairs = [("so", text) for text in TEXTS]
        asked = [(text, "good film") for text in ASKED]
        return TextClassifier(**SETTINGS).fit(pairs, LABELS, **HOW), asked
    tokenizer = WordPieceTokenizer.learn(TEXTS, 60)
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32, "num_positions": 16}
    model = Bert(tokenizer.vocab_size, **sizes, pad_id=tokenizer.special_ids["pad"])
    classify = TextClassifier(model, tokenizer=tokenizer, max_length=16)
    return classify.fit(TEXTS, LABELS, **HOW), ASKED


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """For each kind what the object answers, and the process, eagerly and in a session."""
    root = tmp_path_factory.mktemp("served")
    expected, given = {}, {}
    for kind in KINDS:
        classify, asked = fitted(kind)
        with pytest.warns(UserWarning, match="of 4 texts have more than max_length=16"):
            answers = classify(asked)
        _, known = classify.graph().encode(*classify.columns(asked))
        expected[kind] = answers, known["cut"].numpy().tolist()
        columns = list(zip(*asked, strict=True)) if kind == "pairs" else [asked]
        path = str(classify.export(root / kind))
        given[path] = dict(zip(classify.graph().inputs, columns, strict=True))
    run = subprocess.run(
        [sys.executable, "-c", SERVE],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    return {kind: (expected[kind], *found[str(root / kind)]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_with_tensorflow_alone_answers_as_the_object(served, kind):
    (expected, cut), *found = served[kind]
    assert cut[1:3] == [False, True]  # nothing, and 80 words
    for outputs in found:
        assert outputs["cut"] == cut
        for row, answer in enumerate(expected):
            scores = outputs["scores"][row]
            if "value" in answer:
                np.testing.assert_allclose(scores, answer["value"], atol=1e-5)
            elif kind == "several":
                kept = [
                    label
                    for label, s in zip(outputs["labels"][row], scores, strict=True)
                    if s >= 0.5
                ]
                assert kept == answer["label"]
            else:
                assert outputs["labels"][row] == answer["label"]
                np.testing.assert_allclose(scores, answer["score"], atol=1e-5)

"""Exports of all kinds of classifiers, run by a process that has TensorFlow alone."""

import bare_process
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
        given[classify.export(root / kind)] = dict(
            zip(classify.graph().inputs, columns, strict=True)
        )
    found = bare_process.served(given)
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

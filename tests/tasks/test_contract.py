"""The contract of tasks, for models of a few weights that were given."""

import keras
import numpy as np
import pandas as pd
import pytest
from task_contract import Contract, flat

import tftransformer as tt
from tftransformer.models import Bert
from tftransformer.text import WordPieceTokenizer

COLUMNS = ("choice", "index", "scores")
TEXTS = ["a good film", "what a bad day it was, and how long", "fun", "jokes and films, good ones"]


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer.learn(TEXTS * 3, 70, special_tokens=["[MASK]"])


def model(tokenizer, heads):
    keras.utils.set_random_seed(5)
    pad = tokenizer.special_ids["pad"]
    made = Bert(tokenizer.vocab_size, 2, 16, 2, 32, num_positions=40, pad_id=pad, heads=heads)
    for weight in made.trainable_weights:  # else all answers are alike
        weight.assign(weight + np.random.default_rng(1).normal(size=weight.shape, scale=0.2))
    return made


def classifier(tokenizer):
    heads = {"sequence_classification": {"labels": ["bad", "good", "odd"]}}
    return Contract(
        task=tt.TextClassifier(model(tokenizer, heads), tokenizer=tokenizer),
        asked=TEXTS,
        frame=pd.DataFrame({"text": TEXTS}),
        inputs={"texts": TEXTS},
        served=lambda found: [*found["labels"], *found["scores"]],
        plain=lambda found: [each["label"] for each in found] + [each["score"] for each in found],
    )


def embedder(tokenizer):
    return Contract(
        task=tt.TextEmbedder(model(tokenizer, ()), tokenizer=tokenizer),
        asked=TEXTS,
        frame=pd.DataFrame({"text": TEXTS}),
        inputs={"texts": TEXTS},
        served=lambda found: found["embeddings"],
        plain=flat,
    )


def filler(tokenizer):
    texts = ["a [MASK] film", "[MASK] and", "what a bad day it [MASK]", "good [MASK]"]
    return Contract(
        task=tt.FillMask(model(tokenizer, ["masked_lm"]), tokenizer=tokenizer),
        asked=texts,
        frame=pd.DataFrame({"text": texts}),
        inputs={"texts": texts},
        served=lambda found: [*found["tokens"], *found["scores"]],
        plain=lambda found: [
            guess[name] for name in ("token_str", "score") for (each,) in found for guess in each
        ],
    )


def chooser(tokenizer):
    rows = [("a good film", "what is good?", ["film", "day"]), ("a day", "", ["bad", "good fun"])]
    columns = {"contexts": [row[0] for row in rows], "questions": [row[1] for row in rows]}
    return Contract(
        task=tt.MultipleChoice(model(tokenizer, ["multiple_choice"]), tokenizer=tokenizer),
        asked=rows,
        frame=pd.DataFrame(rows, columns=["context", "question", "choices"]),
        inputs={**columns, "choices": [row[2] for row in rows]},
        served=lambda found: [*found["choices"], *found["indices"], *found["scores"]],
        plain=lambda found: [
            each
            for name in ("choice", "index", "scores")
            for row in found
            for each in flat(row[name])
        ],
    )


def parser(_):
    return contract_of_parser(tt.Parser(vocab_size=60, max_length=24, stride=4))


def sequence_parser(_):
    sizes = {"num_layers": 1, "d_model": 32, "num_heads": 2, "dff": 32}
    return contract_of_parser(tt.SequenceParser(sizes, vocab_size=60, learning_rate=0.01))


def contract_of_parser(parse):
    trees = ["(S (NP (DT a) (NN film)) (VP (VBZ is) (ADJP (JJ good))))", "(NP (NN fun))"]
    sentences = ["a film is good", "fun", "is fun (good) ?", "film " * 30]
    return Contract(
        task=parse.fit(trees * 4, epochs=1, validation=0, verbose=0),
        asked=sentences,
        frame=pd.DataFrame({"sentence": sentences, "tree": trees * 2}),
        inputs={"texts": sentences},
        served=lambda found: [*found["trees"], *found["scores"]],
        plain=lambda found: [x["tree"] for x in found] + [x["score"] for x in found],
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [classifier, embedder, filler, chooser, parser, sequence_parser])
def test_a_task_keeps_its_contract(make, tokenizer, tmp_path):
    make(tokenizer).check(tmp_path)

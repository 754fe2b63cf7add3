"""A small case of every task: its settings, and rows that it learns from in a second or a few."""

import pandas as pd

import tftransformer as tt

TEXTS = ["the dog sleeps in the house", "a cat eats in the garden", "two birds sing"] * 4
OTHERS = ["dog sleeps", "cat eats", "birds sing"] * 4
SMALL = {"num_layers": 1, "d_model": 16, "num_heads": 2}
TREES = ["(S (NP (DT the) (NN dog)) (VP (VBZ sleeps)))", "(S (NP (PRP we)) (VP (VB go)))"] * 6
QUESTIONS = {"question": ["who sleeps", "who eats", "who sings"] * 4, "context": TEXTS}
# Settings of each task, and its rows.
CASES = {
    "ExtractiveSummarizer": (
        {"vocab_size": 60, "max_length": 32, "stride": 4},
        {"text": TEXTS, "summary": OTHERS},
    ),
    "FillMask": ({"vocab_size": 60}, {"text": TEXTS}),
    "MultipleChoice": (
        {"vocab_size": 60},
        {**QUESTIONS, "choices": [["dog", "cat"]] * 12, "answer": [0, 1, 1] * 4},
    ),
    "Parser": ({"vocab_size": 60, "max_length": 32, "stride": 4}, {"tree": TREES}),
    "QuestionAnswerer": (
        {"vocab_size": 60, "max_length": 32, "stride": 4},
        {**QUESTIONS, "answer": ["dog", "cat", "birds"] * 4},
    ),
    "SequenceParser": ({"model": SMALL, "vocab_size": 60}, {"tree": TREES}),
    "Summarizer": ({"model": SMALL, "vocab_size": 290}, {"text": TEXTS, "summary": OTHERS}),
    "TextClassifier": ({"vocab_size": 60}, {"text": TEXTS, "label": ["one", "one", "two"] * 4}),
    "TextEmbedder": ({"vocab_size": 60}, {"text": TEXTS, "positive": OTHERS}),
    "TextGenerator": ({"model": SMALL, "vocab_size": 60, "max_length": 32}, {"text": TEXTS}),
    "TokenClassifier": (
        {"vocab_size": 60},
        {
            "tokens": [["the", "dog", "sleeps"], ["a", "cat"]] * 6,
            "tags": [["O", "B-x", "O"], ["O", "B-x"]] * 6,
        },
    ),
    "Translator": ({"model": SMALL, "vocab_size": 290}, {"en": TEXTS, "de": OTHERS}),
}


def fitted_case(name):
    """A task, the rows that it has learnt from, and the same as it is asked."""
    settings, rows = CASES[name]
    task, frame = getattr(tt, name)(**settings), pd.DataFrame(rows)
    task.fit(frame, epochs=1, validation=frame, verbose=0)
    masked = frame.replace(r"^\w+ ", "<mask> ", regex=True)
    return task, frame, masked if name == "FillMask" else frame

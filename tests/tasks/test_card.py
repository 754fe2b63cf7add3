"""Folders of every task: cards say what is known and nothing else; settings come along."""

import pandas as pd
import pytest
from task_contract import check_card, check_saved_settings

import tftransformer as tt
from tftransformer.tasks.card import MARK, plain_scores, write_card
from tftransformer.tasks.pipeline import _classes

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


def test_every_task_has_a_case():
    assert _classes().keys() == CASES.keys()


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    """A task, the rows that it has learnt from, and the same as it is asked."""
    settings, rows = CASES[request.param]
    task, frame = getattr(tt, request.param)(**settings), pd.DataFrame(rows)
    task.fit(frame, epochs=1, validation=frame, verbose=0)
    masked = frame.replace(r"^\w+ ", "<mask> ", regex=True)
    return task, frame, masked if request.param == "FillMask" else frame


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_card_says_rows_scores_and_limits_and_its_code_runs(fitted, tmp_path):
    task, frame, asked = fitted
    task.save(tmp_path / "untested")
    untested = (tmp_path / "untested" / "README.md").read_text()
    assert "## Training" in untested
    assert "## Scores" not in untested
    scores = task.evaluate(frame)
    task.save(tmp_path / "saved")
    card = check_card(task, tmp_path / "saved", asked)
    assert f"{task.report_}." in card
    first = next(name for name, value in scores.items() if isinstance(value, float))
    assert f"| {first} | {scores[first]:.4f}" in card
    assert f"{task.graph().max_length} tokens" in card or "any length" in card
    assert "validation_" not in card
    assert all(str(label) in card for label in getattr(task, "classes_", ()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_folder_as_a_model_brings_its_settings(fitted, tmp_path):
    task, _, asked = fitted
    check_saved_settings(task, tmp_path / "saved", asked)


def test_scores_of_a_card_are_numbers_alone():
    given = {"f1": 0.5, "rows": 3, "no": None, "types": {"x": {"f1": 0.0}, "y": {}}, "list": [1]}
    assert plain_scores(given) == {"f1": 0.5, "rows": 3, "types": {"x": {"f1": 0.0}}}


def test_a_card_that_a_person_changed_stays_and_ours_is_renewed(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    write_card(after, f"{MARK} one", before)
    assert (after / "README.md").read_text() == f"{MARK} one"
    (before / "README.md").write_text(f"{MARK} one")
    write_card(after, f"{MARK} two", before)
    assert (after / "README.md").read_text() == f"{MARK} two"
    (before / "README.md").write_text("mine")
    (after / "README.md").unlink()
    write_card(after, f"{MARK} three", before)
    assert not (after / "README.md").exists()

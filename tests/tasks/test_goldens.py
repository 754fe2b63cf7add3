"""Answers equal those of the reference, out of its own folders; each case is a test."""

import json

import pytest
import tensorflow as tf
from task_goldens import FOLDERS, GoldenTask

import tftransformer as tt

COVERED = {
    "text_classification",
    "multiple_choice",
    "fill_mask",
    "sentence_embedding",
    # Theirs are tests in files of their own.
    "question_answering",
    "token_classification",
    "summarization",
    "text_generation",
    "translation",
}


def classify(task, inputs, options):
    truncation, top_k = options.pop("truncation"), options.pop("top_k", 1)
    activation = options.pop("function_to_apply", None)
    assert not options
    assert inputs.keys() <= {"text", "text_pair"}
    # The reference takes an empty second text for none.
    text = (inputs["text"], inputs["text_pair"]) if inputs.get("text_pair") else inputs["text"]
    if not truncation:
        task = tt.TextClassifier(task.model, too_long="refuse")
    if task.kind == "numbers":
        (label,) = json.loads((task.model / "config.json").read_text())["id2label"].values()
        return {
            "labels": [label],
            "scores": [task(text, activation=activation)["value"]],
            "logits": [task(text)["value"]],
        }
    names = task.classes_.tolist()
    found = task(text, top_k=len(names) if top_k is None else top_k, activation=activation)
    logits = {each["label"]: each["score"] for each in task(text, top_k=99, activation="none")}
    fields = {
        "labels": [each["label"] for each in found],
        "scores": [each["score"] for each in found],
        "logits": [logits[name] for name in names],
    }
    if task.kind == "several":
        fields["chosen"] = sorted(task(text)["label"])
    return fields


def fill(task, text, options):
    assert options.keys() <= {"top_k", "targets"}
    return task(text, **options)


def embed(task, text, options):
    fields = {"embedding": task(text)}
    if options.pop("tokens"):
        rows, _ = task.graph().encode(tf.constant([text]))
        rows.pop("segment_ids")
        hidden = task.model_(dict(rows, padding_mask=rows["padding_mask"] > 0))["hidden"]
        fields["tokens"] = hidden[0].numpy()
    assert not options
    return fields


def choose(task, inputs, options):
    assert not options
    assert inputs.keys() <= {"context", "question", "choices"}
    rows = [inputs["context"], inputs.get("question", ""), inputs["choices"]]
    found = task(*rows)
    pairs = [tf.constant(x) for x in ([rows[0]], [rows[1] or ""], [rows[2]])]
    encoded, _ = task.graph().encode(*pairs)
    logits = task.module.compute(encoded).numpy()
    return {"choice": found["index"], "scores": found["scores"], "logits": logits}


TASKS = {
    task.name: task
    for task in [
        GoldenTask("text_classification", lambda folder, _: tt.TextClassifier(folder), classify),
        GoldenTask(
            "sentence_embedding",
            lambda folder, _: tt.TextEmbedder(folder),
            embed,
            top={"pooling", "normalize", "max_seq_length"},
        ),
        GoldenTask("multiple_choice", lambda folder, _: tt.MultipleChoice(folder), choose),
        GoldenTask("fill_mask", lambda folder, _: tt.FillMask(folder), fill),
    ]
}
CASES = [param for task in TASKS.values() for param in task.params("cases")]
ERRORS = [param for task in TASKS.values() for param in task.params("errors")]


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_the_answer_is_that_of_the_reference(folder, case):
    TASKS[folder.parent.name].check_case(folder, case)


@pytest.mark.parametrize(("folder", "case"), ERRORS)
def test_what_must_be_refused_is_refused(folder, case):
    TASKS[folder.parent.name].check_error(folder, case)


def test_every_folder_is_covered():
    assert {folder.parent.name for folder in FOLDERS} <= COVERED

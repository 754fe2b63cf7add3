"""Entities and answers equal those of the reference, out of its own folders."""

import pytest
from task_goldens import GoldenTask

import tftransformer as tt
from tftransformer.pretrained import read_tokenizer_files
from tftransformer.pretrained.tokenizer_description import Unigram

FORGERY = "the Rust Unigram model takes a control piece from text, which nobody may write here"


def with_settings(tasks, cls, **settings):
    """The object with these settings, made once: `tasks` has them by settings, and their folder."""
    key = repr(settings)
    if key not in tasks:
        tasks[key] = cls(tasks["folder"], **settings)
    return tasks[key]


def tag(tasks, inputs, options):
    aggregation = options.pop("strategy")
    settings = {"max_length": options.pop("max_length", None), "stride": options.pop("stride", 32)}
    if not options.pop("windows", True):
        settings["stride"] = None
    settings["ignore_labels"] = options.pop("ignore_labels", ["O"])
    assert not options
    task = with_settings(tasks, tt.TokenClassifier, **settings)
    (found,) = task([inputs], aggregation=aggregation)
    names = {"entity_group": "label", "word": "text"}
    return [{names.get(key, key): value for key, value in each.items()} for each in found]


def answer(tasks, inputs, options):
    settings = {"max_length": options.pop("max_seq_len", None)}
    settings["stride"] = options.pop("doc_stride", 64)
    task = with_settings(tasks, tt.QuestionAnswerer, **settings)
    names = {"max_answer_len": "max_answer_length"}
    options = {names.get(key, key): value for key, value in options.items()}
    options = {"top_k": 1, "align_to_words": True, "handle_impossible_answer": False, **options}
    assert inputs.keys() == {"question", "context"}
    found = task(inputs["question"], inputs["context"], **options)
    none = {name: found[0][name] for name in ("no_answer_score", "no_answer_logit")}
    return {"answers": found, **none}


def forges(folder, text):
    """Whether the reference reads a special token out of a text that may not write any."""
    files = read_tokenizer_files(folder)
    special = [token.content for token in files.added_tokens if token.special]
    return isinstance(files.model, Unigram) and any(content in text for content in special)


class Entities(GoldenTask):
    """Entities that touch what a case ignores are not compared."""

    __hash__ = GoldenTask.__hash__

    def check_case(self, folder, case):
        if forges(folder, case["inputs"]):
            pytest.skip(FORGERY)
        ignored = case.get("ignore", [])

        def kept(entities):
            return [
                each
                for each in entities
                if all(each["end"] <= start or each["start"] >= end for start, end in ignored)
            ]

        answer, self.answer = self.answer, lambda *given: kept(answer(*given))
        try:
            super().check_case(folder, {**case, "expected": kept(case["expected"])})
        finally:
            self.answer = answer


TASKS = {
    task.name: task
    for task in [
        Entities(
            "token_classification",
            lambda folder, _: {"folder": folder},
            tag,
            top={"scheme"},
            case={"ignore", "any_window_rule"},
        ),
        GoldenTask(
            "question_answering",
            lambda folder, _: {"folder": folder},
            answer,
            case={"windows", "any_scoring"},
        ),
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

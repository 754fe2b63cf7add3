"""Exported entities and answers, by a process that has TensorFlow alone, equal the object's own."""

import bare_process
import pytest
import test_question_answerer
import test_token_classifier

pytestmark = pytest.mark.slow  # a process loads them
TEXTS = ["Zoë met Ann in New York.", "", "  \n", "😀 Bob Ray left Köln " * 30, "日本語 [MASK]"]
ASKED = [
    ("who left?", "  Ann left\r\nNew Yorker 😀."),
    ("", "Bob met Ann in Rome. " * 20),
    ("where is Bob?", "東京で"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """What the objects answer, and what the process does, eagerly and in a session."""
    root = tmp_path_factory.mktemp("served")
    tag, answer = test_token_classifier.untrained(), test_question_answerer.untrained()
    questions, contexts = zip(*ASKED, strict=True)
    given = {
        str(tag.export(root / "tag")): {"texts": TEXTS},
        str(answer.export(root / "answer")): {"questions": questions, "contexts": contexts},
    }
    found = bare_process.served(given)
    return (tag(TEXTS), answer(ASKED)), [found[path] for path in given]


def test_entities_are_those_of_the_object(served):
    (expected, _), (ways, _) = served
    assert sum(map(len, expected)) > 5
    for outputs in ways:
        assert outputs["entities"] == [len(row) for row in expected]
        for row, entities in enumerate(expected):
            for place, entity in enumerate(entities):
                found = {name: outputs[name][row][place] for name in entity}
                assert found["score"] == pytest.approx(entity["score"], abs=1e-5)
                for name in ("entity_group", "word", "start", "end"):
                    assert found[name] == entity[name]


def test_answers_are_those_of_the_object(served):
    (_, expected), (_, ways) = served
    for outputs in ways:
        for row, answer in enumerate(expected):
            for name in ("answer", "start", "end"):
                assert outputs[name][row][0] == answer[name]
            for name in ("score", "logit"):
                assert outputs[name][row][0] == pytest.approx(answer[name], rel=1e-3, abs=1e-5)
            assert outputs["no_answer_logit"][row] == pytest.approx(
                answer["no_answer_logit"], rel=1e-3, abs=1e-4
            )

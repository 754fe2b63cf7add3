"""Folders of every task: cards say what is known and nothing else; settings come along."""

import pytest
from small_tasks import CASES, fitted_case
from task_contract import check_card, check_saved_settings

from tftransformer.tasks.card import MARK, plain_scores, write_card
from tftransformer.tasks.pipeline import _classes


def test_every_task_has_a_case():
    assert _classes().keys() == CASES.keys()


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    return fitted_case(request.param)


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

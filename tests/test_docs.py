"""What docs/ shows runs as it stands."""

import importlib
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def run(page, folder, monkeypatch):
    """The module that the code of a page makes, run in a folder."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (folder / f"{page}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    return importlib.import_module(page)


@pytest.mark.slow
def test_the_pieces_of_fine_tuning_do_what_their_page_says(tmp_path, monkeypatch):
    page = run("fine_tuning", tmp_path, monkeypatch)
    assert page.history["accuracy"][-1] > page.history["accuracy"][0]
    assert 1e-7 < page.found.suggestion < 0.1
    assert page.trained < page.model.count_params() / 2
    assert all(weight.trainable for weight in page.model.weights if "seed" not in weight.path)
    assert len(page.grown.changes) > 1
    assert page.grown.model.num_positions == 128
    assert re.search("zebra|okapi", page.said)


@pytest.mark.slow
def test_the_task_of_the_page_learns_saves_loads_and_serves(tmp_path, monkeypatch):
    module = run("adding_a_task", tmp_path, monkeypatch)
    ranker, frame = module.ranker, module.frame
    assert ranker.evaluate(frame[600:])["accuracy"] > 0.9
    rows = list(zip(frame["query"], frame["better"], strict=True))[:5]
    scores = ranker(rows)
    np.testing.assert_allclose(module.again(rows), scores, atol=1e-5)
    np.testing.assert_allclose([ranker(row) for row in rows], scores, atol=1e-5)
    queries, passages = zip(*rows, strict=True)
    served = tf.saved_model.load(str(tmp_path / "runs" / "ranker.saved_model"))
    found = served.signatures["serving_default"](
        queries=tf.constant(queries), passages=tf.constant(passages)
    )
    np.testing.assert_allclose(found["scores"], scores, atol=1e-5)


@pytest.mark.slow
def test_who_comes_from_transformers_finds_what_the_page_says(tmp_path, monkeypatch):
    page = run("from_transformers", tmp_path, monkeypatch)
    assert page.answer.evaluate(page.frame, baselines=False)["exact"] == 100
    again = page.tt.QuestionAnswerer("runs/qa-2")
    for question, said in page.asked.items():
        found = again(question, page.context)
        assert found["answer"] == said
        assert page.context[found["start"] : found["end"]] == said

"""What docs/ shows runs as it stands."""

import importlib
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

DOCS = pathlib.Path(__file__).parents[1] / "docs"


@pytest.mark.slow
def test_the_task_of_the_page_learns_saves_loads_and_serves(tmp_path, monkeypatch):
    text = (DOCS / "adding_a_task.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (tmp_path / "adding_a_task.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module("adding_a_task")

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

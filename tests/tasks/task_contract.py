"""What every task keeps to, once: shapes, batches, settings, saving, serving, errors."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone

import tftransformer as tt

# Runs an export through Python and the session loader, where there is TensorFlow alone.
SERVE = """
import json, sys
import tensorflow as tf
import tensorflow_text
path, inputs = sys.argv[1], json.loads(sys.argv[2])
def plain(outputs):
    return {k: [x.decode() for x in v.ravel()] if v.dtype == object else v.ravel().tolist()
            for k, v in sorted(outputs.items())}
module = tf.saved_model.load(path)
feeds = {name: tf.constant(value) for name, value in inputs.items()}
found = {k: v.numpy() for k, v in module.signatures["serving_default"](**feeds).items()}
none = {name: tf.zeros([0] * len(x.shape), tf.string) for name, x in feeds.items()}
none = module.signatures["serving_default"](**none)
assert all(len(v) == 0 and len(v.shape) == len(found[k].shape) for k, v in none.items()), none
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
    signature = graph.signature_def["serving_default"]
    fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
    fed = {signature.inputs[name].name: value for name, value in inputs.items()}
    inside = session.run(fetches, fed)
assert "tftransformer" not in {name.partition(".")[0] for name in sys.modules}
print(json.dumps([plain(found), plain(inside)]))
"""


@dataclass
class Contract:
    """A task that is ready, and how to ask it.

    Attributes:
        task: answers.
        asked: rows, as a list of them is given to a call; of different lengths.
        fit: from data to a call of `fit` on an unfitted task, for its errors.
        frame: the same rows as a DataFrame with the columns that the task knows.
        inputs: the rows as inputs of the SavedModel, lists by name.
        served: from outputs of the SavedModel, flat lists by name, to values that equal those of
            `plain`.
        plain: from the list of answers to a flat list of numbers and strings.
        options: of the call.
    """

    task: Any
    asked: list[Any]
    frame: pd.DataFrame
    inputs: dict[str, Any]
    served: Callable[[dict[str, list]], list]
    plain: Callable[[list], list]
    options: dict[str, Any] = field(default_factory=dict)

    def check(self, tmp_path: Any) -> None:
        """All of it."""
        self.check_shapes()
        self.check_batches()
        self.check_settings()
        self.check_saving(tmp_path)
        self.check_serving(tmp_path)
        self.check_errors()

    def answers(self, task: Any, rows: Any = None) -> list:
        return list(task(self.asked if rows is None else rows, **self.options))

    def check_shapes(self) -> None:
        """A row gives an answer, a list a list in its order, a table one with its index."""
        found = self.answers(self.task)
        assert len(found) == len(self.asked)
        assert len(self.task(self.asked[:1], **self.options)) == 1
        assert len(self.task([], **self.options)) == 0
        frame = self.frame.set_axis(range(len(self.frame), 0, -1))
        table = self.task(frame, **self.options)
        assert table.index.tolist() == frame.index.tolist()
        assert self.task.predict(frame).index.tolist() == frame.index.tolist()
        one = self.asked[0]
        assert isinstance(one, str | tuple)
        assert_same(flat(self.task.predict(one)), flat(list(self.task.predict([one]))))

    def check_batches(self) -> None:
        """A batch gives what each row alone gives, in any order."""
        together = self.answers(self.task)
        for row, answer in zip(self.asked, together, strict=True):
            assert_same(self.plain(self.answers(self.task, [row])), self.plain([answer]))
        turned = self.answers(self.task, self.asked[::-1])[::-1]
        assert_same(self.plain(turned), self.plain(together))

    def check_settings(self) -> None:
        """Settings are kept as they were given; a clone is unfitted and has the same."""
        params = self.task.get_params()
        for name, value in clone(self.task).get_params().items():
            assert value is params[name]
        assert self.task.set_params(seed=self.task.seed) is self.task
        with pytest.raises(ValueError, match="no_such_setting"):
            self.task.set_params(no_such_setting=1)
        assert type(self.task).__name__ in repr(self.task)

    def check_saving(self, tmp_path: Any) -> None:
        """Saved and loaded it answers the same: by its class, as a model, and by `load`."""
        folder = tmp_path / "saved"
        self.task.save(folder)
        expected = self.plain(self.answers(self.task))
        kind = type(self.task)
        for loaded in (kind.load(folder), kind(folder), tt.load(folder)):
            assert type(loaded) is kind
            module = loaded.warm_up().module
            assert_same(self.plain(self.answers(loaded)), expected)
            assert loaded.module is module
            assert module.compute.experimental_get_tracing_count() == 1
        check_card(self.task, folder, self.frame)

    def check_serving(self, tmp_path: Any) -> None:
        """The SavedModel gives the same where there is TensorFlow alone."""
        path = self.task.export(tmp_path / "served")
        run = subprocess.run(
            [sys.executable, "-c", SERVE, str(path), json.dumps(self.inputs)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-2000:]
        card = (path / "README.md").read_text()
        assert all(f"{name}=tf.constant(" in card for name in self.inputs)
        expected = self.plain(self.answers(self.task))
        for found in json.loads(run.stdout):
            assert_same(self.served(found), expected)

    def check_errors(self) -> None:
        """What is wrong comes before long work, in words."""
        kind = type(self.task)
        with pytest.raises(RuntimeError, match="has learnt nothing yet"):
            kind()(self.asked)
        with pytest.raises(ValueError, match=r"column '.*' is not in the DataFrame"):
            kind().fit(pd.DataFrame({"strange": ["a"]}))
        with pytest.raises(ValueError, match=r"empty|no row"):
            kind().fit(self.frame[:0].assign(label=[], positive=[], answer=[], summary=[]))
        with pytest.raises(ValueError, match="no such folder"):
            kind("no such folder")(self.asked)
        with pytest.raises((ValueError, TypeError)):
            self.task([None], **self.options)
        with pytest.raises(FileExistsError):
            self.task.export(".")


def check_card(task: Any, folder: Any, frame: Any) -> str:
    """The card of a saved task: it says what that is, its code runs, a person's own card stays."""
    path = folder / "README.md"
    card = path.read_text()
    assert card.startswith("---\nlibrary_name: tftransformer\n")
    assert f"{task.model_.count_params():,} weights" in card
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1].replace("FOLDER", str(folder))
    names = {"frame": frame}
    exec(code, names)
    assert len(names["answers"]) == len(frame)
    tt.load(folder).save(folder)
    assert path.read_text() == card
    path.write_text("mine")
    task.save(folder)
    assert path.read_text() == "mine"
    return card


def check_saved_settings(task: Any, folder: Any, asked: Any) -> None:
    """A folder as a model brings the settings that it was saved with, unless they are given."""
    kind, params = type(task), task.get_params()
    numbers = {name: value + 1 for name, value in params.items() if type(value) is int}
    task.save(folder)
    kind.load(folder, **numbers, learning_rate=0.5).save(folder)
    taken, loaded = kind(folder), kind.load(folder)
    assert taken.learning_rate is None
    for name, number in numbers.items():
        assert getattr(taken, name) == number
        assert getattr(kind(folder, **{name: number - 1}), name) == number - 1
    params = taken.get_params()
    assert all(value is params[name] for name, value in clone(taken).get_params().items())
    expected = loaded(asked).to_dict("records")
    assert_same(flat(taken(asked).to_dict("records")), flat(expected))


def assert_same(found: list, expected: list, atol: float = 1e-5) -> None:
    """Strings are equal, numbers to a tolerance."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, str):
            assert one == other
        else:
            np.testing.assert_allclose(one, other, atol=atol)


def flat(values: Any) -> list:
    """Numbers and strings of nested lists and dicts, in order."""
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, list | tuple | np.ndarray | tf.Tensor):
        return [values]
    return [each for value in values for each in flat(value)]

"""What every task keeps to, once: shapes, batches, settings, saving, serving, errors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bare_process
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone

import tftransformer as tt


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
        (ways,) = bare_process.served({path: self.inputs}, asks_nothing=True).values()
        card = (path / "README.md").read_text()
        assert all(f"{name}=tf.constant(" in card for name in self.inputs)
        expected = self.plain(self.answers(self.task))
        for outputs in ways:
            found = {name: np.ravel(values).tolist() for name, values in sorted(outputs.items())}
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

"""Labels of any kind: their order, what is refused by name, what is saved."""

import enum
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import tftransformer
from tftransformer.core import Ragged
from tftransformer.objectives import Classes, Numbers

TOKENIZER = SimpleNamespace(special_ids={"pad": 0})


class Mood(enum.Enum):
    GOOD = 1
    BAD = 2


def fitted(labels, **settings):
    objective = Classes(**settings)
    objective.fit([labels])
    return objective


def batch(objective, labels, training=True):
    ids = Ragged.from_rows([[5]] * len(labels))
    examples = objective.examples([ids, labels], [TOKENIZER], training=training)
    return examples.batch(np.arange(len(labels)), [1])[1:]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([True, False], [False, True]),
        ([3, -1, 2.5], [-1, 2.5, 3]),
        ([(2, "x"), (1, "y")], [(1, "y"), (2, "x")]),
        ([Mood.BAD, Mood.GOOD, Mood.BAD], [Mood.BAD, Mood.GOOD]),
        (["b", 1, "a"], ["b", 1, "a"]),
        (list(np.array([2, 1])), [1, 2]),
    ],
    ids=str,
)
def test_classes_are_sorted_or_stay_in_order_and_keep_their_type(labels, classes):
    objective = fitted(labels)
    assert objective.classes_ == classes
    ids, _ = batch(objective, labels)
    answers = objective.labels_of(np.eye(len(classes))[ids])
    assert answers == labels
    assert {type(answer) for answer in answers} == {type(x) for x in classes}


PROGRAM = """
import numpy as np
from tftransformer.objectives import Classes
one = Classes(several=True)
one.fit([[{"b", 1, "a"}, {("t",), "z"}, ["a"]]])
two = Classes()
two.fit([[frozenset("ab"), frozenset("c"), frozenset("abc")]])
print(one.classes_, [sorted(x) for x in two.classes_])
"""


@pytest.mark.slow
def test_the_order_is_the_same_under_any_hash_seed():
    def order(seed):
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True,
            cwd=Path(tftransformer.__file__).parents[1], env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout  # fmt: skip

    assert len({order(seed) for seed in "1234"}) == 1


@pytest.mark.parametrize(
    ("settings", "labels", "message"),
    [
        ({}, ["x"] * 9, "all rows have the label 'x'"),
        ({}, [["x"], ["y"]], r"\['x'\] is of type list.*several=True"),
        ({"several": True}, ["x,y", "z"], r"'x,y' is of type str.*list or a set"),
        ({"class_weight": {"z": 2}}, ["x", "y"], "class_weight names 'z', which no row has"),
        ({"ignore": ["x", "y"]}, ["x", "y"], "no row has a label"),
        ({"ignore": ["x"]}, ["x", "y"], "all rows have the label 'y'"),
        ({}, [True, "x", 1], r"True \(bool\) and 1 \(int\) are equal.*frame\[column\].map"),
        ({}, [2, 1.5, 2.0], r"2 \(int\) and 2.0 \(float\) are equal"),
        ({"several": True}, [[0], [False, "x"]], r"0 \(int\) and False \(bool\) are equal"),
    ],
)
def test_labels_that_cannot_be_learnt_are_named(settings, labels, message):
    with pytest.raises(ValueError, match=message):
        fitted(labels, **settings)


@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_was_not_there_at_fit_is_named(several):
    labels = [["x"], ["y"]] if several else ["x", "y"]
    other = [["x", "w"]] if several else ["w"]
    with pytest.raises(ValueError, match=r"label 'w' is not among the 2 .*'x', 'y'"):
        batch(fitted(labels, several=several), other)


@pytest.mark.parametrize(
    "settings",
    [{"class_weight": "even"}, {"class_weight": {"x": -1.0}}, {"class_weight": {"x": "2"}},
     {"several": True, "class_weight": "balanced"}, {"judge_by": "f1"},
     {"several": True, "smoothing": 0.1}],
    ids=str,
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValueError, match=r"class_weight|judge_by"):
        Classes(**settings)


def test_balanced_classes_weigh_the_same_together_in_training_alone():
    labels = ["x"] * 6 + ["y"] * 3 + ["z"]
    objective = fitted(labels, class_weight="balanced")
    ids, weights = batch(objective, labels)
    totals = [weights[ids == i].sum() for i in range(3)]
    np.testing.assert_allclose(totals, 10 / 3, rtol=1e-6)
    _, weights = batch(objective, labels, training=False)
    assert (weights == 1).all()


def test_rows_with_a_label_to_ignore_weigh_nothing():
    _, weights = batch(fitted(["x", "y", -100], ignore=[-100]), ["x", -100, "y"])
    assert weights.tolist() == [1, 0, 1]
    ids, weights = batch(
        fitted([["x"], ["y"]], ignore=["?"], several=True), [["x", "y"], ["?", "x"], []]
    )
    assert ids.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert weights.tolist() == [1, 0, 1]


@pytest.mark.parametrize("label", [Mood.GOOD, (1, "x"), enum.IntEnum("I", "A").A], ids=repr)
def test_labels_that_json_does_not_hold_are_refused_when_they_are_saved(label):
    objective = fitted([label, "other"])
    with pytest.raises(ValueError, match=r"cannot be saved: .*map"):
        objective.get_state()


@pytest.mark.parametrize("weights", [None, {True: 2.0, False: 1.0}, {1: 0.5, 2: 3.0}, "balanced"])
def test_weights_by_label_come_back_with_the_labels_types(weights):
    objective = Classes(class_weight=weights, ignore=("?",))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert again.class_weight == weights
    assert list(map(type, again.class_weight or [])) == list(map(type, weights or []))
    assert list(again.ignore) == ["?"]


def test_several_labels_are_those_above_the_threshold():
    objective = fitted([["x"], ["y"], []], several=True)
    scores = np.array([[0.9, 0.5], [0.2, 0.4]])
    assert objective.labels_of(scores) == [["x", "y"], []]
    assert objective.labels_of(scores, threshold=0.3) == [["x", "y"], ["y"]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.0, "two"], "'two' is no finite number"),
        ([1.0, float("inf")], "inf is no finite number"),
        ([[1, 2], [1]], r"\[1\] holds 1 numbers, not 2"),
        ([], "no row has a number"),
    ],
)
def test_numbers_that_are_none_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        Numbers().fit([labels])


def test_classes_that_validation_lacks_are_named():
    objective = Classes()
    objective.fit([["a", "b", "c", "a"]])
    with pytest.warns(UserWarning, match="no validation row has the label 'b', 'c'.* 2 of 3"):
        objective.targets(["a", "a"], training=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        objective.targets(["a", "b", "c"], training=False)
        objective.targets(["a"], training=True)

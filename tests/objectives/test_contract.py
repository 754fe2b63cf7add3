"""What every objective keeps to: views, a reference, exact epochs, settings that come back."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tftransformer.core import Ragged
from tftransformer.data import Batches
from tftransformer.objectives import (
    Classes,
    Numbers,
    PrefixLM,
    SentenceOrder,
    SequenceToSequence,
)
from tftransformer.text import Template
from tftransformer.training import Trainer

SPECIAL_IDS = {"pad": 9, "start": 1, "end": 2, "cls": 3, "sep": 4}
TOKENIZER = SimpleNamespace(special_ids=SPECIAL_IDS)
ROWS = 23


def texts(count):
    random = np.random.default_rng(count)
    return [
        [random.integers(10, 50, random.integers(1, 9)).tolist() for _ in range(ROWS)]
        for _ in range(count)
    ]


def labels(kind):
    random = np.random.default_rng(3)
    if kind == "several":
        return [random.choice(list("abc"), i % 4, replace=False).tolist() for i in range(ROWS)]
    chosen = random.integers(0, 3, ROWS).tolist()
    return [kind[i] for i in chosen]


# Each: the objective, how many texts, labels, template, and the reference: from texts and label
# to the inputs' real parts, the label and the weight of one row.
def seq2seq(source, target):
    inputs = {"source_ids": [*source, 2], "target_ids": [1, *target]}
    return inputs, [*target, 2], [1.0] * (len(target) + 1)


def seq2seq_of_languages(source, target):
    inputs = {"source_ids": [5, *source, 2, 6], "target_ids": [1, 7, *target]}
    return inputs, [7, *target, 2], [1.0] * (len(target) + 2)


def plain(label_of, weight_of=lambda label: 1.0):
    def row(text, label):
        inputs = {"token_ids": text, "padding_mask": [True] * len(text)}
        return inputs, label_of(label), weight_of(label)

    return row


def pair(label_of):
    def row(first, second, label):
        inputs = {
            "token_ids": [3, *first, 4, *second, 4],
            "padding_mask": [True] * (len(first) + len(second) + 3),
            "segment_ids": [0] * (len(first) + 2) + [1] * (len(second) + 1),
        }
        return inputs, label_of(label), 1.0

    return row


def number(label):
    return [float(label)]


CASES = {
    "sequence to sequence of languages": (
        SequenceToSequence(around=([5], [2, 6]), before=[7]),
        2,
        None,
        None,
        seq2seq_of_languages,
    ),
    "sequence to sequence": (SequenceToSequence(0.2), 2, None, None, seq2seq),
    "classes": (Classes(), 1, "xyz", None, plain("xyz".index)),
    "classes of a pair": (Classes(), 2, "xyz", Template.bert(), pair("xyz".index)),
    "classes of bool": (Classes(), 1, [True, False, True], None, plain([False, True].index)),
    "classes of numbers": (Classes(), 1, [10, 9, 2.5], None, plain([2.5, 9, 10].index)),
    "ignored": (
        Classes(ignore=["x"]), 1, "xyz", None,
        plain(lambda x: 0 if x == "x" else "yz".index(x), lambda x: float(x != "x")),
    ),
    "weighed": (
        Classes(class_weight={"z": 3.0}), 1, "xyz", None,
        plain("xyz".index, lambda x: 3.0 if x == "z" else 1.0),
    ),
    "several": (
        Classes(several=True), 1, "several", None,
        plain(lambda found: [float(x in found) for x in "abc"]),
    ),
    "numbers": (Numbers(), 1, [1, 2.5, -3], None, plain(number)),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def case(request):
    objective, count, kind, template, reference = CASES[request.param]
    rows = texts(count)
    columns = [Ragged.from_rows(column) for column in rows]
    if kind is not None:
        given = labels(kind)
        rows, columns = [*rows, given], [*columns, given]
    objective = type(objective).from_config(objective.get_config())
    objective.fit(columns[count:])
    examples = objective.examples(columns, [TOKENIZER] * count, template)
    expected = [reference(*row) for row in zip(*rows, strict=True)]
    return SimpleNamespace(
        objective=objective, columns=columns, examples=examples, expected=expected,
        kind=kind, count=count, template=template,
    )  # fmt: skip


FILLS = {"padding_mask": False, "segment_ids": 0}


def filled(value, like, fill):
    """A row of a batch with its padding."""
    padded = np.full(like.shape, fill, like.dtype)
    if like.ndim:
        padded[: len(value)] = value
    elif value != []:
        padded[...] = value
    return padded


def test_every_batch_equals_the_reference_row_by_row(case):
    batches = Batches(case.examples, batch_tokens=40, seed=2, objective=case.objective)
    seen = []
    for numbers, (inputs, label, weight) in zip(batches.rows(1), batches.iterate(1), strict=True):
        assert len(label) == len(weight)
        for place in range(len(label)):
            if place < len(numbers):
                row_inputs, row_label, row_weight = case.expected[numbers[place]]
                seen.append(numbers[place])
            else:
                row_inputs, row_label, row_weight = {name: [] for name in inputs}, [], []
            for name, array in inputs.items():
                expected = filled(row_inputs[name], array[place], FILLS.get(name, 9))
                np.testing.assert_array_equal(array[place], expected, err_msg=name)
            fill = 9 if case.kind is None else 0
            np.testing.assert_array_equal(label[place], filled(row_label, label[place], fill))
            np.testing.assert_array_equal(weight[place], filled(row_weight, weight[place], 0))
    assert sorted(seen) == list(range(ROWS))


def test_inputs_labels_and_weights_have_the_dtypes_that_models_take(case):
    inputs, label, weight = case.examples.batch(np.array([0, -1]), [9] * len(case.examples.axes))
    assert {array.dtype.name for array in inputs.values()} <= {"int32", "bool"}
    assert label.dtype == (np.float32 if case.kind == "several" or type(case.objective) is Numbers
                           else np.int32)  # fmt: skip
    assert weight.dtype == np.float32
    assert set(case.examples.axes) == ({"source", "target"} if case.kind is None else {"tokens"})


def test_ids_are_not_copied(case):
    """A change of the rows shows in the batches, which are therefore views."""
    made = case.examples.take(np.array([1, 0]))
    widths = [30] * len(made.axes)
    name = next(iter(case.examples.inputs))
    before = made.batch(np.array([1]), widths)[0][name]
    case.columns[0].values[0] = 77
    after = made.batch(np.array([1]), widths)[0][name]
    assert (before != 77).all()
    assert (after == 77).sum() == 1


def test_an_epoch_is_a_function_of_seed_and_epoch(case):
    def flat(start=0, **settings):
        batches = Batches(case.examples, 40, objective=case.objective, **settings)
        return [
            array.tolist()
            for inputs, label, weight in batches.iterate(3, start)
            for array in (*inputs.values(), label, weight)
        ]

    parts = 2 + len(case.examples.inputs)
    assert flat(seed=1) == flat(seed=1)
    assert flat(seed=1) != flat(seed=2)
    assert flat(seed=1, start=2) == flat(seed=1)[2 * parts :]


def test_settings_and_what_was_learnt_come_back(case):
    saved = json.loads(
        json.dumps(
            [keras.saving.serialize_keras_object(case.objective), case.objective.get_state()]
        )
    )
    loaded = keras.saving.deserialize_keras_object(saved[0])
    loaded.set_state(saved[1])
    assert loaded.get_config() == case.objective.get_config()
    assert loaded.learnt == case.objective.learnt
    assert [type(x) for x in getattr(loaded, "classes_", [])] == [
        type(x) for x in getattr(case.objective, "classes_", [])
    ]
    again = loaded.examples(case.columns, [TOKENIZER] * case.count, case.template)
    assert again.digest() == case.examples.digest()


def test_losses_and_metrics_take_the_batches(case):
    objective = case.objective
    _, label, weight = case.examples.batch(np.arange(-1, 4), [9] * len(case.examples.axes))
    if case.kind is None:
        shape = (*label.shape, 50)
    else:
        shape = label.shape if label.ndim > 1 else (*label.shape, len(objective.classes_))
    answers = np.random.default_rng(0).normal(size=shape).astype("float32")
    values = objective.losses().call(keras.ops.convert_to_tensor(label), answers)
    assert tuple(values.shape) == weight.shape  # one value for each weight: exact sums
    for metric in objective.metrics():
        metric.update_state(label, answers, weight)
        changed = keras.metrics.deserialize(keras.metrics.serialize(metric))
        other = answers.copy()
        other[0] += 7  # a row of weight 0
        changed.update_state(label, other, weight)
        assert float(metric.result()) == float(changed.result())
    assert objective.monitor.removeprefix("val_") in {
        "loss", *(metric.name for metric in objective.metrics())
    }  # fmt: skip
    assert objective.mode in ("min", "max")


def test_a_named_output_makes_dicts():
    columns = [Ragged.from_rows([[5], [6]]), ["x", "y"]]
    objective = Classes(output="sequence_classification")
    objective.fit(columns[1:])
    _, label, weight = objective.examples(columns, [TOKENIZER]).batch(np.array([1]), [2])
    for part in (label, weight, objective.losses(), objective.metrics()):
        assert list(part) == ["sequence_classification"]


@pytest.mark.slow
@pytest.mark.parametrize("output", [None, "answer"])
@pytest.mark.parametrize("judge_by", ["loss", "accuracy", "macro_f1"])
def test_what_is_monitored_is_what_training_logs(output, judge_by):
    columns = [Ragged.from_rows([[5], [6]]), ["x", "y"]]
    objective = Classes(output=output, judge_by=judge_by)
    objective.fit(columns[1:])
    batches = Batches(objective.examples(columns, [TOKENIZER]), objective=objective)
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    hidden = keras.layers.Embedding(10, 4)(inputs["token_ids"])
    pooled = keras.layers.GlobalAveragePooling1D()(hidden)
    logits = keras.layers.Dense(2)(pooled)
    model = keras.Model(inputs, {output: logits, "pooled": pooled} if output else logits)
    trainer = Trainer(model, batches, batches, optimizer="sgd", epochs=1, verbose=0)
    assert objective.monitor in trainer.train().history
    settings = trainer._loop.checkpointing
    assert (settings.monitor, settings.mode) == (objective.monitor, objective.mode)


def test_sides_of_different_length_are_refused():
    one, two = Ragged.from_rows([[7]]), Ragged.from_rows([[7], [8]])
    with pytest.raises(ValueError, match="source has 1 rows and target has 2"):
        SequenceToSequence().examples([one, two], [TOKENIZER] * 2)


def test_a_special_token_that_is_missing_is_named():
    column = Ragged.from_rows([[7]])
    with pytest.raises(ValueError, match=r"no end token, which SequenceToSequence needs.*'pad'"):
        SequenceToSequence().examples(
            [column, column], [SimpleNamespace(special_ids={"pad": 0, "start": 1})] * 2
        )


@pytest.mark.parametrize(
    "objective", [PrefixLM(), SentenceOrder()], ids=lambda each: type(each).__name__
)
def test_a_number_of_columns_that_it_does_not_take_is_told_by_its_own_name(objective):
    with pytest.raises(ValueError, match=f"{type(objective).__name__} takes one column.* given 4"):
        objective.kinds(4)

"""Losses and metrics of any outputs: what `compile` takes, in exact sums over an epoch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer import Bert
from tftransformer.training import LabelSmoothedCrossEntropy, TokenAccuracy, Trainer

ROWS, WIDTH, CLASSES = 23, 6, 4


def table(seed=0):
    """Inputs, and labels of each kind that depend on them."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(ROWS, WIDTH)).astype("float32")
    labels = {
        "kind": np.argmax(x[:, :CLASSES], -1).astype("int32"),
        "marks": (x[:, :3] > 0).astype("float32"),
        "number": x[:, :1] * 2.0,
    }
    weights = {name: chance.uniform(0.2, 2.0, ROWS).astype("float32") for name in labels}
    weights["kind"][::5] = 0.0
    return x, labels, weights


def dataset(x, labels, weights, rows=5):
    return tf.data.Dataset.from_tensor_slices((x, labels, weights)).batch(rows)


def three_outputs(as_dict=True):
    keras.utils.set_random_seed(0)
    x = keras.Input((WIDTH,))
    hidden = keras.layers.Dense(8, activation="tanh")(x)
    outputs = {
        "kind": keras.layers.Dense(CLASSES, name="kind")(hidden),
        "marks": keras.layers.Dense(3, activation="sigmoid", name="marks")(hidden),
        "number": keras.layers.Dense(1, name="number")(hidden),
    }
    return keras.Model(x, outputs if as_dict else list(outputs.values()))


def train(model, batches, validation=None, **options):
    options = {"optimizer": keras.optimizers.SGD(0.1), "precision": "float32", **options}
    trainer = Trainer(model, batches, validation, verbose=0, **options)
    return trainer.train().history, trainer


LOSSES = {
    "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "marks": "binary_crossentropy",
    "number": "mse",
}


def metrics():
    return {"kind": ["accuracy"], "marks": [keras.metrics.AUC(name="auc")], "number": ["mae"]}


FACTORS = {"kind": 1.0, "marks": 0.5, "number": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize("as_dict", [True, False], ids=["dict", "list"])
def test_several_outputs_are_logged_as_keras_does_and_train_as_one_batch_of_fit(as_dict):
    x, labels, weights = table()
    whole = {name: np.ones_like(own) for name, own in weights.items()}
    options = {"loss": LOSSES, "loss_weights": FACTORS}
    model, mine = three_outputs(as_dict), three_outputs(as_dict)
    model.compile(keras.optimizers.SGD(0.1), metrics=metrics(), **options)
    given = labels if as_dict else list(labels.values())
    theirs = model.fit(x, given, batch_size=ROWS, epochs=3, verbose=0, shuffle=False).history
    logs, _ = train(mine, dataset(x, labels, whole, ROWS), epochs=3, metrics=metrics(), **options)
    assert set(logs) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    for one, other in zip(mine.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_several_outputs_do_not_depend_on_the_batches_nor_on_accumulation():
    x, labels, weights = table()
    options = {"loss": LOSSES, "metrics": metrics(), "loss_weights": FACTORS, "epochs": 2}
    whole, model = train(three_outputs(), dataset(x, labels, weights, ROWS), **options)
    parts, other = train(
        three_outputs(), dataset(x, labels, weights, 4), gradient_accumulation=6, **options
    )
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    for one, two in zip(model.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def exact(values, weights):
    return (values * weights).sum() / weights.sum()


@pytest.mark.slow
def test_loss_and_metrics_are_weighted_means_of_all_rows():
    x, labels, weights = table()
    batches = dataset(x, labels, weights)
    _, trainer = train(three_outputs(), batches, loss=LOSSES, metrics=metrics())
    logs, outputs = trainer.evaluate(batches), trainer.model.predict(x, verbose=0)
    likelihood = tf.nn.log_softmax(outputs["kind"]).numpy()[np.arange(ROWS), labels["kind"]]
    p, y = outputs["marks"], labels["marks"]
    crossed = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(-1)
    squared = np.square(outputs["number"] - labels["number"])[:, 0]
    absolute = np.abs(outputs["number"] - labels["number"])[:, 0]
    right = outputs["kind"].argmax(-1) == labels["kind"]
    for name, values, output in (
        ("kind_loss", -likelihood, "kind"),
        ("marks_loss", crossed, "marks"),
        ("number_loss", squared, "number"),
        ("number_mae", absolute, "number"),
        ("kind_accuracy", right, "kind"),
    ):
        assert logs[name] == pytest.approx(exact(values, weights[output]), rel=1e-4), name
    total = sum(logs[f"{name}_loss"] for name in labels)
    assert logs["loss"] == pytest.approx(total, rel=1e-6)
    area = keras.metrics.AUC()
    area.update_state(y, p, weights["marks"])
    assert logs["marks_auc"] == pytest.approx(float(area.result()), rel=1e-5)


def one_output(units, activation=None):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(8, activation="tanh")
    return keras.Sequential(
        [keras.Input((WIDTH,)), hidden, keras.layers.Dense(units, activation=activation)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=["numbers", "columns"])
def test_regression_learns_whatever_the_rank_of_its_labels(shape):
    x, labels, weights = table()
    given = (x, labels["number"].reshape(shape), weights["number"])
    logs, trainer = train(one_output(1), dataset(*given), loss="mse", metrics=["mae"], epochs=40)
    assert set(logs) == {"loss", "mae"}
    assert logs["loss"][-1] < 0.1 * logs["loss"][0]
    errors = trainer.model.predict(x, verbose=0) - labels["number"]
    found = trainer.evaluate(dataset(*given))["loss"]
    assert found == pytest.approx(exact(errors[:, 0] ** 2, weights["number"]), rel=1e-4)


@pytest.mark.slow
def test_several_labels_at_once_learn_and_one_of_them_may_be_ignored():
    x, labels, _ = table()
    marks, weights = labels["marks"].copy(), np.ones((ROWS, 3), "float32")
    marks[::2, 1], weights[::2, 1] = np.nan, 0.0
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    f1 = keras.metrics.F1Score(average="macro", threshold=0.5, name="f1")
    batches = dataset(x, marks, weights)
    logs, trainer = train(
        one_output(3), batches, loss=loss, optimizer=keras.optimizers.Adam(0.03), epochs=40
    )
    assert set(logs) == {"loss"}
    assert logs["loss"][-1] < 0.3 * logs["loss"][0]
    outputs = trainer.model.predict(x, verbose=0)
    every = np.maximum(outputs, 0) - outputs * labels["marks"] + np.log1p(np.exp(-abs(outputs)))
    assert trainer.evaluate(batches)["loss"] == pytest.approx(exact(every, weights), rel=1e-4)

    logs, _ = train(
        one_output(3, "sigmoid"),
        dataset(x, labels["marks"], np.ones(ROWS, "float32")),
        loss="binary_crossentropy",
        metrics=[f1, "accuracy"],
        optimizer=keras.optimizers.Adam(0.03),
        epochs=40,
    )
    assert set(logs) == {"loss", "f1", "accuracy"}
    assert logs["f1"][-1] > 0.9


def test_a_softmax_of_several_values_cannot_have_weights_for_each(recwarn):
    x, _, _ = table()
    labels = np.eye(3, dtype="float32")[np.arange(ROWS) % 3]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    batches = dataset(x, labels, np.ones((ROWS, 3), "float32"))
    with pytest.raises(ValueError, match="all values of the last axis together"):
        train(one_output(3), batches, loss=loss)


@pytest.mark.slow
@pytest.mark.parametrize("label", [-100, -1, 10**6])
def test_labels_of_weight_0_are_ignored_in_any_batch(tiny, label):
    """In a graph, and not only where the first batch is looked at."""
    plain, spoiled = tiny.TinyBatches(4), tiny.TinyBatches(4)
    for _, labels, weights in spoiled.items:
        labels[weights == 0] = label
    for losses in (None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)):
        first, second = (
            tiny.make(batches, batches, loss=losses, epochs=2).train().history
            for batches in (plain, spoiled)
        )
        assert first == second


class Tagger(keras.Model):
    """Two heads and more outputs than labels: `hidden` and a list."""

    def __init__(self):
        super().__init__()
        self.table = keras.layers.Embedding(12, 8)
        self.tags, self.kind = keras.layers.Dense(5), keras.layers.Dense(3)

    def call(self, ids, training=None):
        hidden = self.table(ids)
        return {
            "hidden": hidden,
            "memory": [hidden, hidden],
            "tags": self.tags(hidden),
            "kind": self.kind(hidden[:, 0]),
        }


def tagged(rows=12, length=7):
    chance = np.random.default_rng(1)
    ids = chance.integers(0, 12, (rows, length)).astype("int32")
    labels = {"tags": ids % 5, "kind": ids[:, 0] % 3}
    weights = {"tags": (ids > 2).astype("float32"), "kind": np.ones(rows, "float32")}
    return ids, labels, weights


@pytest.mark.slow
def test_outputs_without_labels_are_ignored_and_ranks_may_differ():
    ids, labels, weights = tagged()
    optimizer = keras.optimizers.Adam(0.1)
    batches = dataset(ids, labels, weights)
    logs, _ = train(Tagger(), batches, batches, optimizer=optimizer, epochs=25)
    assert {"tags_loss", "kind_loss", "tags_accuracy", "kind_accuracy"} < set(logs)
    assert logs["val_tags_accuracy"][-1] == logs["val_kind_accuracy"][-1] == 1.0
    # One tensor is for the output that has the loss.
    only = dataset(ids, labels["tags"], weights["tags"])
    logs, _ = train(Tagger(), only, loss={"tags": LabelSmoothedCrossEntropy(0.0)})
    assert set(logs) == {"loss", "tags_accuracy"}
    # A label that is not for training is scored if there is a metric.
    logs, _ = train(
        Tagger(),
        batches,
        loss={"tags": "sparse_categorical_crossentropy", "kind": None}
        | {"tags": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        metrics={"kind": [TokenAccuracy("right")]},
    )
    assert set(logs) == {"loss", "kind_right"}


@pytest.mark.slow_after(4)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": {"tag": "mse"}},
            "loss names 'tag'; the model has the outputs 'hidden'",
        ),
        ({"loss": {"tags": LabelSmoothedCrossEntropy()}}, "labels 'kind' have neither a loss"),
        ({"metrics": ["accuracy"]}, "metrics holds 1 parts|one for all"),
        (
            {"loss": {"hidden": "mse"}},
            "'hidden' has a loss or a metric, but",
        ),
        ({"loss": "sparse_categorical_crossentropy"}, "is for probabilities.*from_logits=True"),
        ({"loss": keras.losses.MeanSquaredError(reduction="sum")}, "reduction='sum'"),
        ({"loss": {"kind": None, "tags": None}}, "No output has a loss"),
        ({"loss_weights": {"taggs": 1.0}}, "loss_weights names 'taggs'"),
        ({"loss": lambda y, p: tf.reduce_mean(p)}, r"gives values of shape \(\)"),
        ({"loss": {"tags": "mse", "kind": None}}, "does not take labels and outputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        train(Tagger(), dataset(*tagged()), **options)


def test_labels_for_no_output_in_particular_are_refused():
    ids, labels, weights = tagged()
    with pytest.raises(ValueError, match=r"outputs 'hidden'.*name the one that is meant"):
        train(Tagger(), dataset(ids, labels["tags"], weights["tags"]))


@pytest.mark.slow
def test_a_loss_without_a_name_is_that_of_the_only_head():
    ids = np.arange(1, 13, dtype="int32").reshape(3, 4)
    sizes = {"vocab_size": 20, "num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 16}

    def bert(*heads):
        keras.utils.set_random_seed(0)
        return Bert(**sizes, dropout=0.0, attention_dropout=0.0, heads=heads)

    batches = dataset({"token_ids": ids}, ids, np.ones(ids.shape, "float32"))
    named = {"loss": {"masked_lm": LabelSmoothedCrossEntropy(0.1)}}
    labelled = batches.map(lambda x, y, w: (x, {"masked_lm": y}, {"masked_lm": w}))
    expected, _ = train(bert("masked_lm"), labelled, labelled, **named)
    assert train(bert("masked_lm"), batches, batches)[0] == expected
    with pytest.raises(ValueError, match=r"outputs 'masked_lm', 'next_sentence': name the one"):
        train(bert("masked_lm", "next_sentence"), batches)

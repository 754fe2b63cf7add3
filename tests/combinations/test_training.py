"""Drawn training runs: what the Trainer says of each option holds where options meet.

`COMBINATIONS=500 pytest tests/combinations/test_training.py` draws that many; the default keeps the
suite fast.
"""

import dataclasses
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.training import (
    CarriedMemory,
    Checkpointing,
    GradientRule,
    LabelSmoothedCrossEntropy,
    Trainer,
)
from tftransformer.training.recipes import RDrop

ROWS, WIDTH, UNITS, CLASSES, PLACES = 8, 5, 6, 4, 3
RATE, MOMENTUM = 0.3, 0.7
COUNT = int(os.environ.get("COMBINATIONS", 16))
OF_CLASSES = ("kind", "tags")
HEADS = {"kind": CLASSES, "tags": PLACES * CLASSES, "marks": 3, "number": 1}
LOSSES = {
    "kind": LabelSmoothedCrossEntropy(0.0),
    "tags": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "marks": keras.losses.BinaryCrossentropy(from_logits=True),
    "number": "mse",
}


# How far losses (relative) and weights may part where products have 24, 11 or 8 bits: two sums of
# the same roundings in other orders, after at most four updates.
BOUNDS = {
    "float32": (1e-4, 2e-5),
    "mixed_float16": (1e-2, 5e-3),
    "mixed_bfloat16": (5e-2, 3e-2),
}


class Net(keras.Model):
    """A hidden layer, which may be given what it was in the batch before, and some heads."""

    def __init__(self, outputs, bare, dropout, policy):
        super().__init__(dtype=policy)
        self.outputs_of, self.bare = outputs, bare
        self.hidden = keras.layers.Dense(UNITS, activation="tanh", name="hidden", dtype=policy)
        self.dropped = keras.layers.Dropout(dropout, dtype=policy)
        self.made = [keras.layers.Dense(HEADS[name], name=name, dtype=policy) for name in outputs]

    def call(self, inputs, training=None):
        inputs = inputs if isinstance(inputs, dict) else {"x": inputs}
        hidden = self.hidden(inputs["x"])
        if "memory" in inputs:
            hidden = hidden + 0.5 * inputs["memory"]
        read = self.dropped(hidden, training=training)
        found = {name: head(read) for name, head in zip(self.outputs_of, self.made, strict=True)}
        if "tags" in found:
            found["tags"] = keras.ops.reshape(found["tags"], (-1, PLACES, CLASSES))
        return found[self.outputs_of[0]] if self.bare else {**found, "memory": hidden}


class HalfOfTheFirst(GradientRule):
    """Doubles all gradients, and moves the first layer half as far."""

    def gradients(self, gradients, variables):
        return [2.0 * gradient for gradient in gradients]

    def update_scale(self, variable):
        return 0.5 if "hidden" in variable.path else 1.0


@dataclasses.dataclass
class Case:
    """What a run is given."""

    outputs: list[str]
    bare: bool
    sizes: list[int]
    weights: dict[str, np.ndarray]
    factors: dict[str, float]
    accumulation: int
    clip: float | None
    frozen: bool
    rule: bool
    carries: bool
    r_drop: bool
    averages: bool
    policy: str = "float32"

    def labels(self):
        """Of each output, of any value where the weight is 0."""
        chance = np.random.default_rng(1)
        labels = {
            "kind": chance.integers(0, CLASSES, ROWS).astype("int32"),
            "tags": chance.integers(0, CLASSES, (ROWS, PLACES)).astype("int32"),
            "marks": chance.integers(0, 2, (ROWS, 3)).astype("float32"),
            "number": chance.normal(size=(ROWS, 1)).astype("float32"),
        }
        for name, own in labels.items():
            if name in self.weights:
                own[self.weights[name] == 0] = -100 if name in OF_CLASSES else np.nan
        return {name: labels[name] for name in self.outputs}

    def batches(self):
        x = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype("float32")
        whole = x, self.labels(), self.weights
        if self.bare:
            whole = x, *(part[self.outputs[0]] for part in whole[1:])
        ends = np.cumsum(self.sizes)
        return [
            tf.nest.map_structure(lambda part, s=start, e=end: part[s:e], whole)
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]

    def data(self):
        items = self.batches()
        spec = tf.nest.map_structure(
            lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), items[0]
        )
        data = tf.data.Dataset.from_generator(lambda: items, output_signature=spec)
        return data.apply(tf.data.experimental.assert_cardinality(len(items)))

    def trainer(self, model, optimizer, **options):
        losses = {name: LOSSES[name] for name in self.outputs}
        return Trainer(
            model,
            self.data(),
            loss=losses[self.outputs[0]] if self.bare else losses,
            loss_weights=None if self.bare else self.factors,
            optimizer=optimizer,
            gradient_accumulation=self.accumulation,
            clip_norm=self.clip,
            step=RDrop(1.0) if self.r_drop else None,
            gradients=HalfOfTheFirst() if self.rule else None,
            carry=CarriedMemory(ids="x") if self.carries else None,
            precision="float32",
            verbose=0,
            **options,
        )

    def model(self, dropout=0.0):
        keras.utils.set_random_seed(0)
        model = Net(self.outputs, self.bare, dropout, self.policy)
        model(np.zeros((1, WIDTH), "float32"))
        model.hidden.trainable = not self.frozen
        return model


@st.composite
def cases(draw):
    bare = draw(st.booleans())
    names = st.lists(st.sampled_from(sorted(HEADS)), min_size=1, max_size=3, unique=True)
    outputs = [draw(st.sampled_from(sorted(HEADS)))] if bare else draw(names)
    cuts = draw(st.sets(st.integers(1, ROWS - 1), max_size=3))
    ends = [*sorted(cuts), ROWS]
    value = st.sampled_from([0.0, 0.5, 1.0, 2.0])

    def weights(name):
        shape = (ROWS, PLACES) if name == "tags" else (ROWS,)
        count = int(np.prod(shape))
        drawn = draw(st.lists(value, min_size=count, max_size=count))
        return np.array(drawn, "float32").reshape(shape)

    return Case(
        outputs=outputs,
        bare=bare,
        sizes=np.diff([0, *ends]).tolist(),
        weights={name: weights(name) for name in outputs},
        factors={} if bare else {name: draw(value) for name in outputs[:1]},
        accumulation=draw(st.sampled_from([1, 1, 2, 3])),
        clip=draw(st.sampled_from([None, 0.05])),
        frozen=draw(st.booleans()),
        rule=draw(st.booleans()),
        carries=not bare and draw(st.booleans()),
        r_drop=set(outputs) <= set(OF_CLASSES) and draw(st.booleans()),
        averages=draw(st.booleans()),
        policy=draw(st.sampled_from(sorted(BOUNDS))),
    )


def values_at(name, labels, outputs):
    """The loss of each place by its definition, in float32."""
    outputs = tf.cast(outputs, "float32")
    if name in OF_CLASSES:
        kinds = tf.one_hot(tf.clip_by_value(labels, 0, CLASSES - 1), CLASSES)
        return -tf.reduce_sum(kinds * tf.nn.log_softmax(outputs), -1)
    labels = tf.where(tf.math.is_nan(labels), 0.0, labels)
    if name == "marks":
        return tf.reduce_mean(tf.nn.softplus(outputs) - labels * outputs, -1)
    return tf.reduce_mean(tf.square(outputs - labels), -1)


def by_definition(case, model):
    """Trains batch by batch with sums over all rows of an update; returns the logs."""
    factors = {name: case.factors.get(name, 1.0) for name in case.outputs}
    sums = {name: np.zeros(2) for name in case.outputs}
    right = {name: 0.0 for name in case.outputs if name in OF_CLASSES}
    variables = model.trainable_variables
    averages = memory = None
    batches = case.batches()
    for start in range(0, len(batches), case.accumulation):
        window = batches[start : start + case.accumulation]
        parts = [
            (x, *({case.outputs[0]: own} if case.bare else own for own in both))
            for x, *both in window
        ]
        totals = {name: sum(part[2][name].sum() for part in parts) for name in case.outputs}
        gradients = [0.0] * len(variables)
        for x, labels, weights in parts:
            carried = case.carries and memory is not None and len(memory) == len(x)
            with tf.GradientTape() as tape:
                outputs = model({"x": x, "memory": memory} if carried else x, training=True)
                outputs = {case.outputs[0]: outputs} if case.bare else outputs
                loss = 0.0
                for name in case.outputs:
                    own = tf.reduce_sum(
                        values_at(name, labels[name], outputs[name]) * weights[name]
                    )
                    loss += factors[name] * own / max(totals[name], 1e-30)
                    sums[name] += [float(own), weights[name].sum()]
                    if name in right:
                        best = np.argmax(outputs[name], -1) == labels[name]
                        right[name] += float((best * weights[name]).sum())
            found = tape.gradient(loss, [variable.value for variable in variables])
            gradients = [a if b is None else a + b for a, b in zip(gradients, found, strict=True)]
            memory = outputs.get("memory")
        gradients = [2.0 * g if case.rule else g for g in gradients]
        if case.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, case.clip)
        for variable, gradient in zip(variables, gradients, strict=True):
            half = 0.5 if case.rule and "hidden" in variable.path else 1.0
            variable.assign_sub(RATE * half * gradient)
        now = [variable.numpy() for variable in variables]
        pairs = zip(averages or now, now, strict=True)
        averages = [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in pairs]
    if case.averages:
        for variable, average in zip(variables, averages, strict=True):
            variable.assign(average)
    means = {name: total / weight if weight else 0.0 for name, (total, weight) in sums.items()}
    logs = {"loss": sum(factors[name] * mean for name, mean in means.items())}
    if len(case.outputs) > 1:
        logs |= {f"{name}_loss": mean for name, mean in means.items()}
    for name, count in right.items():
        weight = sums[name][1]
        logs["accuracy" if case.bare else f"{name}_accuracy"] = count / weight if weight else 0.0
    return logs


def check_sums(case):
    expected = case.model()
    logs = by_definition(case, expected)
    optimizer = keras.optimizers.SGD(RATE, use_ema=case.averages, ema_momentum=MOMENTUM)
    if case.policy == "mixed_float16":  # from a scale that overflows nowhere
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=256.0)
    trainer = case.trainer(case.model(), optimizer)
    before = [weight.numpy() for weight in trainer.model.hidden.weights]
    history = trainer.train().history
    assert set(history) == set(logs)
    of_losses, of_weights = BOUNDS[case.policy]
    for name, value in logs.items():
        if name.endswith("accuracy") and case.policy != "float32":
            continue  # the best of two near ones may be the other
        assert history[name] == pytest.approx([value], rel=of_losses, abs=of_losses / 10), name
    for one, other in zip(trainer.model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=of_weights)
    if case.frozen:
        for weight, old in zip(trainer.model.hidden.weights, before, strict=True):
            np.testing.assert_array_equal(weight, old)


def check_resume(case, directory, stop):
    def run(**options):
        optimizer = keras.optimizers.AdamW(0.05, use_ema=case.averages, ema_momentum=MOMENTUM)
        model = case.model(dropout=0.4)
        checkpointing = Checkpointing(every_seconds=None)
        trainer = case.trainer(model, optimizer, epochs=2, checkpointing=checkpointing, **options)
        return trainer.train().history, model.get_weights()

    history, weights = run()
    run(directory=directory, steps=stop)
    rest, resumed = run(directory=directory, resume=True)
    assert rest == history
    for one, other in zip(resumed, weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@settings(max_examples=max(1, COUNT // 3), deadline=None)
@given(case=cases())
def test_sums_are_exact_and_what_is_frozen_stays(case):
    check_sums(case)


@pytest.mark.slow
@settings(max_examples=10 * COUNT, deadline=None)
@given(case=cases())
def test_sums_are_exact_in_many_runs(case):
    check_sums(case)


@settings(max_examples=max(1, COUNT // 8), deadline=None)
@given(case=cases(), stop=st.integers(1, 6))
def test_a_run_that_stops_anywhere_goes_on_to_the_bit(tmp_path_factory, case, stop):
    check_resume(case, tmp_path_factory.mktemp("run"), stop)


@pytest.mark.slow
@settings(max_examples=4 * COUNT, deadline=None)
@given(case=cases(), stop=st.integers(1, 6))
def test_runs_that_stop_anywhere_go_on_to_the_bit(tmp_path_factory, case, stop):
    check_resume(case, tmp_path_factory.mktemp("run"), stop)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": ["kind", "number"], "r_drop": True}, "RDrop compares predictions of classes"),
        ({"factors": {"other": 1.0}}, "loss_weights names 'other'"),
        ({"accumulation": 0}, "gradient_accumulation=0"),
        ({"bare": True, "carries": True}, "carries"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_does_not_go_together_is_told(changes, message):
    weights = {name: np.ones(ROWS, "float32") for name in ("kind", "number")}
    plain = Case(["kind"], False, [4, 4], weights, {}, 1, None, *[False] * 5)
    case = dataclasses.replace(plain, **changes)
    case.weights = {name: weights[name] for name in case.outputs}
    with pytest.raises(ValueError, match=message):
        case.trainer(case.model(), keras.optimizers.SGD(RATE)).train()

"""Each hook does what its contract says: the step, the gradients, what is carried."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer import TransformerXL
from tftransformer.training import (
    CarriedMemory,
    Checkpointing,
    GradientRule,
    LabelSmoothedCrossEntropy,
    Trainer,
    TrainStep,
    label_smoothed_cross_entropy,
)
from tftransformer.training.recipes import RDrop


def change(tiny, optimizer, **options):
    """What one update adds to each variable."""
    trainer = tiny.make(tiny.TinyBatches(1), optimizer=optimizer, **options)
    before = [variable.numpy() for variable in trainer.model.trainable_variables]
    trainer.train()
    after = trainer.model.trainable_variables
    return [new.numpy() - old for new, old in zip(after, before, strict=True)]


class LastLayerAtHalf(GradientRule):
    def update_scale(self, variable):
        return 0.5 if variable.shape[-1] == 12 else 0.0 if "embedding" in variable.path else 1.0


OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(0.1),
    "AdamW": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.3),
    "SGD": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "Lion": lambda: keras.optimizers.Lion(0.01, weight_decay=0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_rate_of_its_own_scales_the_update_and_not_the_gradient(tiny, make):
    plain = change(tiny, make())
    scaled = change(tiny, make(), gradients=LastLayerAtHalf())
    factors = [0.0, 1.0, 1.0, 0.5, 0.5]
    for one, other, factor in zip(plain, scaled, factors, strict=True):
        np.testing.assert_allclose(other, factor * one, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_gradients_are_those_of_an_update_before_they_are_clipped(tiny):
    class Doubled(GradientRule):
        def gradients(self, gradients, variables):
            self.paths = [variable.path for variable in variables]
            return [2.0 * gradient for gradient in gradients]

    rule = Doubled()
    plain = change(tiny, keras.optimizers.SGD(0.1))
    for one, other in zip(
        plain, change(tiny, keras.optimizers.SGD(0.1), gradients=rule), strict=True
    ):
        np.testing.assert_allclose(other, 2 * one, rtol=1e-4, atol=1e-7)
    assert len(rule.paths) == 5
    clipped = change(tiny, keras.optimizers.SGD(1.0), gradients=rule, clip_norm=0.01)
    norm = np.sqrt(sum(np.sum(part**2) for part in clipped))
    assert norm == pytest.approx(0.01, rel=1e-3)


@pytest.mark.slow
def test_a_step_of_ones_own_is_trained_on_and_logged_by_what_it_scores(tiny):
    class WithPenalty(TrainStep):
        def __call__(self, run, inputs, labels, weights):
            outputs = run.forward(inputs)
            (part,) = run.match(labels, outputs, weights).values()
            norms = tf.reduce_sum(tf.square(part.outputs), -1)
            return run.score(labels, outputs, weights) + 0.1 * run.share(norms, part.weights)

    batches = tiny.TinyBatches(4)
    whole = batches.dataset().unbatch().batch(20)
    trainer = tiny.make(whole, optimizer=keras.optimizers.SGD(0.5), step=WithPenalty())
    inputs, labels, weights = next(iter(whole))
    model = trainer.model
    with tf.GradientTape() as tape:
        logits = model(inputs)
        losses = label_smoothed_cross_entropy(labels, logits)
        reported = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        norms = tf.reduce_sum(tf.square(logits), -1)
        loss = reported + 0.1 * tf.reduce_sum(norms * weights) / tf.reduce_sum(weights)
    variables = [variable.value for variable in model.trainable_variables]
    expected = [
        variable.numpy() - 0.5 * tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True)
    ]
    parts = tiny.make(
        batches.dataset().unbatch().batch(5),
        gradient_accumulation=4,
        optimizer=keras.optimizers.SGD(0.5),
        step=WithPenalty(),
    )
    history = trainer.train().history
    np.testing.assert_allclose(history["loss"], [float(reported)], rtol=1e-5)
    np.testing.assert_allclose(parts.train().history["loss"], history["loss"], rtol=1e-5)
    for run in (trainer, parts):
        for variable, value in zip(run.model.trainable_variables, expected, strict=True):
            np.testing.assert_allclose(variable, value, atol=1e-5)


ROWS, LENGTH = 3, 5


def transformer_xl():
    keras.utils.set_random_seed(0)
    return TransformerXL(
        vocab_size=11,
        num_layers=2,
        d_model=8,
        num_heads=2,
        dff=16,
        memory_length=6,
        cutoffs=(),
        d_embed=8,
        dropout=0.0,
    )


def long_texts(segments, rows=ROWS):
    ids = np.random.default_rng(0).integers(0, 11, (rows, segments * LENGTH + 1)).astype("int32")
    for start in range(0, segments * LENGTH, LENGTH):
        labels = ids[:, start + 1 : start + LENGTH + 1]
        yield ids[:, start : start + LENGTH], labels, np.ones_like(labels, "float32")


def segments_of(count):
    parts = [np.stack(part) for part in zip(*long_texts(count), strict=True)]
    return tf.data.Dataset.from_tensor_slices(tuple(parts))


def carrying(model, count=4, **options):
    return Trainer(
        model,
        segments_of(count),
        segments_of(2),
        loss={"lm": LabelSmoothedCrossEntropy(0.0)},
        optimizer=keras.optimizers.SGD(0.5),
        carry=CarriedMemory(),
        precision="float32",
        verbose=0,
        **options,
    )


def manual(model, epochs):
    """Segment by segment, the memory handed on; the losses of the epochs."""
    losses, evaluated = [], []

    def loss_of(inputs, labels, memory):
        outputs = model({"token_ids": inputs, **memory}, training=True)
        loss = tf.reduce_mean(label_smoothed_cross_entropy(labels, outputs["lm"], 0.0))
        return loss, {"memory": outputs["memory"]}

    for _ in range(epochs):
        memory, total = {}, []
        for inputs, labels, _ in long_texts(4):
            variables = [variable.value for variable in model.trainable_variables]
            with tf.GradientTape() as tape:
                loss, memory = loss_of(inputs, labels, memory)
            for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
                variable.assign_sub(0.5 * tf.convert_to_tensor(gradient))
            total.append(float(loss))
        losses.append(np.mean(total))
        memory, total = {}, []
        for inputs, labels, _ in long_texts(2):
            loss, memory = loss_of(inputs, labels, memory)
            total.append(float(loss))
        evaluated.append(np.mean(total))
    return losses, evaluated


@pytest.mark.slow
def test_a_transformer_xl_trains_with_its_memory_as_in_one_loop_over_a_long_text(tmp_path):
    model, other = transformer_xl(), transformer_xl()
    losses, evaluated = manual(other, epochs=2)
    trainer = carrying(model, epochs=2)
    history = trainer.train().history
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(history["val_loss"], evaluated, rtol=1e-4)
    for one, two in zip(model.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)

    # What is carried is saved: a run that stops within an epoch goes on as if it had not.
    options = {"directory": tmp_path, "checkpointing": Checkpointing(every_seconds=None)}
    carrying(transformer_xl(), epochs=2, steps=6, **options).train()
    resumed = transformer_xl()
    rest = carrying(resumed, epochs=2, resume=True, **options).train().history
    assert rest == history
    for one, two in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_batch_that_passes_twice_carries_the_memory_of_its_first_pass():
    """Without dropout both passes are equal, and R-Drop changes nothing."""
    once, twice = carrying(transformer_xl()), carrying(transformer_xl(), step=RDrop(5.0))
    losses, same = once.train().history, twice.train().history
    for name in losses:
        np.testing.assert_allclose(same[name], losses[name], rtol=1e-5, err_msg=name)
    for one, two in zip(once.model.get_weights(), twice.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.slow
def test_nothing_is_carried_where_the_number_of_rows_changes():
    class Watch(CarriedMemory):
        given = 0

        def give(self, inputs, carried):
            Watch.given += 1
            return super().give(inputs, carried)

    def batches(rows):
        for count in rows:
            yield from long_texts(1, count)

    def history(rows, carry):
        spec = segments_of(1).element_spec
        spec = tf.nest.map_structure(lambda own: tf.TensorSpec((None, None), own.dtype), spec)
        data = tf.data.Dataset.from_generator(lambda: batches(rows), output_signature=spec)
        optimizer = keras.optimizers.SGD(0.0)
        loss = {"lm": LabelSmoothedCrossEntropy(0.0)}
        model = transformer_xl()
        for weight in model.trainable_weights:  # large enough for the memory to be seen
            weight.assign(10 * weight)
        trainer = Trainer(model, data, loss=loss, optimizer=optimizer, carry=carry, verbose=0)
        return trainer.train().history["loss"]

    assert history((3, 2, 3), Watch()) == history((3, 2, 3), None)
    assert Watch.given == 0
    assert history((3, 3), Watch()) != history((3, 3), None)
    assert Watch.given


class Unfreeze(keras.callbacks.Callback):
    """Trains the last layer alone until a batch is done, and then all."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.after:
            self.model.trainable = True


def frozen_but_the_last(tiny):
    keras.utils.set_random_seed(0)
    model = tiny.tiny_model()
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_unfreezing_in_a_callback_takes_effect_at_the_next_step(tiny, accumulation):
    batches = tiny.TinyBatches(6)
    trainer = tiny.make(
        batches,
        model=frozen_but_the_last(tiny),
        optimizer=keras.optimizers.AdamW(1e-2),
        callbacks=[Unfreeze(3)],
        gradient_accumulation=accumulation,
    )
    trainer.train()
    reference = frozen_but_the_last(tiny)
    optimizer = keras.optimizers.AdamW(1e-2)
    reference.trainable = True
    optimizer.build(reference.trainable_variables)
    for layer in reference.layers[:-1]:
        layer.trainable = False
    items = list(batches.dataset(0))
    for start in range(0, 6, accumulation):
        if start == 4:
            reference.trainable = True
        inputs, labels, weights = tf.nest.map_structure(
            lambda *parts: tf.concat(parts, 0), *items[start:][:accumulation]
        )
        with tf.GradientTape() as tape:
            losses = label_smoothed_cross_entropy(labels, reference(inputs))
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        variables = reference.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply([tf.convert_to_tensor(g) for g in gradients], variables)
    for one, other in zip(trainer.model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.slow
def test_what_was_unfrozen_is_so_after_a_resume(tiny, tmp_path):
    def run(model, **options):
        options = {"callbacks": [Unfreeze(1)], "epochs": 2, **options}
        trainer = tiny.make(tiny.TinyBatches(4), model=model, **options)
        trainer.train()
        return trainer.model.get_weights()

    whole = run(frozen_but_the_last(tiny))
    run(frozen_but_the_last(tiny), directory=tmp_path, steps=3)
    rest = run(frozen_but_the_last(tiny), directory=tmp_path, resume=True)
    for one, other in zip(whole, rest, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("frequency", [None, pytest.param(3, marks=pytest.mark.slow)])
def test_moving_averages_are_written_back_as_fit_does(tiny, frequency):
    batches = tiny.TinyBatches(4)

    def optimizer():
        # Not Adam, whose update of rows that a batch does not read is another one under fit.
        return keras.optimizers.SGD(
            0.5, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=frequency
        )

    data = batches.dataset(0)
    keras.utils.set_random_seed(0)
    fitted = tiny.tiny_model()
    fitted.compile(optimizer(), LabelSmoothedCrossEntropy(0.1))
    data = data.apply(tf.data.experimental.assert_cardinality(4))
    fitted.fit(data, epochs=3, verbose=0, shuffle=False)

    at_the_end = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: at_the_end.append(trainer.model.get_weights())
    )
    trainer = tiny.make(data, data, epochs=3, optimizer=optimizer(), callbacks=[watch])
    history = trainer.train().history
    for one, other in zip(trainer.model.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    # Each epoch is judged by the averages, too.
    for one, other in zip(at_the_end[-1], fitted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert trainer.evaluate(data)["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-6)


@pytest.mark.slow
def test_no_variable_of_an_optimizer_is_lost_under_loss_scaling(tiny, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:

        def run(**options):
            keras.utils.set_random_seed(0)
            model = tiny.tiny_model()
            optimizer = keras.optimizers.Nadam(0.05)
            trainer = tiny.make(model=model, optimizer=optimizer, epochs=3, **options)
            return trainer.train().history["loss"], trainer

        whole, trainer = run()
        assert "LossScale" in type(trainer.optimizer).__name__
        run(directory=tmp_path, steps=6)
        rest, _ = run(directory=tmp_path, resume=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert rest == whole

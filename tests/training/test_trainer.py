import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training import (
    LabelSmoothedCrossEntropy,
    TokenAccuracy,
    label_smoothed_cross_entropy,
    load_checkpoint,
)
from tftransformer.training.recipes import RDrop


def regroup(batches, rows):
    """The rows of batches of one shape, as a dataset of other batch sizes."""
    return batches.dataset().unbatch().batch(rows)


def holds(model, weights, atol=1e-6):
    for mine, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(mine, other, atol=atol)


@pytest.mark.slow
def test_training_learns_and_reports_every_epoch(tiny):
    fast = {"optimizer": keras.optimizers.Adam(5e-2)}
    trainer = tiny.make(tiny.TinyBatches(12), tiny.TinyBatches(2, seed=1), epochs=6, **fast)
    history = trainer.train()
    assert set(history.history) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "val_perplexity"
    }  # fmt: skip
    assert history.epoch == list(range(6))
    assert history.history["val_accuracy"][-1] > 0.95
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


RATE = 0.5


def after_one_update(model, loss_of):
    """The loss, and the weights that one step of gradient descent by `RATE` would give."""
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = loss_of()
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    return float(loss), [
        variable.numpy() - RATE * tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    ]


@pytest.mark.slow
def test_one_update_is_the_gradient_of_the_weighted_mean(tiny):
    batches = tiny.TinyBatches(1)
    inputs, labels, weights = batches.items[0]
    trainer = tiny.make(batches, optimizer=keras.optimizers.SGD(RATE))
    model, smoothed = trainer.model, LabelSmoothedCrossEntropy(0.1)
    loss, expected = after_one_update(
        model, lambda: smoothed(labels, model(inputs), sample_weight=weights)
    )
    history = trainer.train()
    np.testing.assert_allclose(history.history["loss"], [loss], rtol=1e-6)
    holds(model, expected)


@pytest.mark.slow
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_accumulating_small_batches_equals_one_large_batch(tiny, clip_norm):
    batches = tiny.TinyBatches(4)  # 20 rows
    options = {"clip_norm": clip_norm, "epochs": 2, "optimizer": "sgd"}
    large = tiny.make(regroup(batches, 10), **options)
    small = tiny.make(regroup(batches, 5), gradient_accumulation=2, **options)
    first, second = large.train().history, small.train().history
    holds(large.model, small.model.get_weights())
    assert int(small.optimizer.iterations) == 4
    np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", [1, 2])
def test_weights_that_no_loss_depends_on_do_not_decay(tiny, accumulation):
    model = tiny.tiny_model()
    beside = keras.layers.Dense(1, name="beside")
    hidden = model.layers[-2].output
    model = keras.Model(model.inputs, {"tokens": model.output, "beside": beside(hidden)})
    options = {"loss": {"tokens": LabelSmoothedCrossEntropy(0.1), "beside": None}}
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    before = beside.get_weights()
    options |= {"optimizer": optimizer, "gradient_accumulation": accumulation}
    tiny.make(tiny.TinyBatches(4), model=model, **options).train()
    for now, then in zip(beside.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.slow
def test_the_last_window_of_an_epoch_may_be_shorter(tiny):
    trainer = tiny.make(tiny.TinyBatches(5), gradient_accumulation=2, epochs=2)
    trainer.train()
    assert int(trainer.optimizer.iterations) == 6


@pytest.mark.slow
def test_clipping_bounds_the_global_norm(tiny):
    def change(**options):
        trainer = tiny.make(tiny.TinyBatches(1), optimizer=keras.optimizers.SGD(1.0), **options)
        before = trainer.model.get_weights()
        trainer.train()
        after = trainer.model.get_weights()
        return np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(before, after, strict=True)))

    assert change() > 0.1
    np.testing.assert_allclose(change(clip_norm=0.01), 0.01, rtol=1e-4)


class SecondHalf(keras.layers.Layer):
    """Adds a vector to the second half of a batch, as if its dropout had been another."""

    def build(self, shape):
        self.vector = self.add_weight(shape=shape[-1:], initializer="random_normal")

    def call(self, x):
        second = tf.range(tf.shape(x)[0]) >= tf.shape(x)[0] // 2
        return x + tf.cast(second, x.dtype)[:, None, None] * self.vector


@pytest.mark.slow
def test_r_drop_trains_on_the_divergence_of_two_passes(tiny):
    batches = tiny.TinyBatches(1)
    inputs, labels, weights = batches.items[0]
    plain = tiny.tiny_model()
    model = keras.Model(plain.input, SecondHalf()(plain.output))

    def passes():
        return tf.split(model({"target_ids": tf.concat([inputs["target_ids"]] * 2, 0)}), 2)

    def mean(values):
        return tf.reduce_sum(values * weights) / tf.reduce_sum(weights)

    def likelihood():
        return sum(mean(label_smoothed_cross_entropy(labels, one)) for one in passes()) / 2

    def loss():
        p, q = (tf.nn.softmax(one) for one in passes())
        divergences = keras.losses.kl_divergence(p, q) + keras.losses.kl_divergence(q, p)
        # Liang et al. 2021, eq. 4, for the mean of the two passes instead of their sum.
        return likelihood() + 5.0 / 4 * mean(divergences)

    reported = float(likelihood())
    _, expected = after_one_update(model, loss)
    optimizer = keras.optimizers.SGD(RATE)
    history = tiny.make(batches, model=model, step=RDrop(5.0), optimizer=optimizer).train()
    np.testing.assert_allclose(history.history["loss"], [reported], rtol=1e-5)
    holds(model, expected, atol=1e-5)


@pytest.mark.slow
def test_evaluation_does_not_depend_on_the_batching(tiny):
    trainer = tiny.make()
    batches = tiny.TinyBatches(4, seed=3)
    results = [trainer.evaluate(regroup(batches, rows)) for rows in (20, 7, 1)]
    for result in results[1:]:
        assert result == pytest.approx(results[0], rel=1e-5)
    assert set(results[0]) == {"loss", "accuracy", "perplexity"}


@pytest.mark.slow
def test_penalties_of_the_model_are_trained_on(tiny):
    def norm(regularizer):
        model = tiny.tiny_model(kernel_regularizer=regularizer)
        tiny.make(model=model, epochs=3).train()
        return np.linalg.norm(model.layers[-1].kernel)

    assert norm(keras.regularizers.L2(1.0)) < 0.8 * norm(None)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_and_clips(tiny, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = tiny.tiny_model()
    finally:
        keras.config.set_dtype_policy("float32")
    trainer = tiny.make(
        tiny.TinyBatches(12), model=model, epochs=6, clip_norm=1.0, gradient_accumulation=2
    )
    scaled = isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    loss = trainer.train().history["loss"]
    assert loss[-1] < loss[0] - 0.2
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)


@pytest.mark.slow
def test_jit_compiled_steps_give_the_same_weights(tiny):
    plain, compiled = tiny.make(), tiny.make(jit_compile=True)
    plain.train()
    compiled.train()
    holds(plain.model, compiled.model.get_weights(), atol=1e-5)


@pytest.mark.slow
def test_datasets_serve_as_well(tiny):
    batches = tiny.TinyBatches(3)
    trainer = tiny.make(regroup(batches, 5), epochs=2)
    assert len(trainer.train().history["loss"]) == 2


@pytest.mark.slow
def test_the_best_epoch_the_last_and_their_average_can_be_loaded(tiny, tmp_path):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:  # a setback, so that the last epoch is not the best
                self.model.layers[-1].bias.assign(9.0 * np.arange(tiny.VOCABULARY))

        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_loss"], self.model.get_weights()))

    trainer = tiny.make(
        tiny.TinyBatches(3),
        tiny.TinyBatches(2, seed=1),
        epochs=5,
        callbacks=[Watch()],
        directory=tmp_path,
    )
    trainer.train()
    model = trainer.model

    trainer.load("average", last=3)
    holds(model, [np.mean(parts, axis=0) for parts in zip(*(w for _, w in seen[-3:]), strict=True)])
    trainer.load("best")
    holds(model, min(seen, key=lambda pair: pair[0])[1])
    trainer.load("last")
    holds(model, seen[-1][1])
    rows = (tmp_path / "history.csv").read_text().splitlines()
    assert rows[0].split(",")[0] == "epoch"
    assert len(rows) == 6
    with pytest.raises(ValueError, match="no checkpoint"):
        load_checkpoint(model, tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="'median'"):
        trainer.load("median")


@pytest.mark.slow
def test_weights_that_are_not_finite_never_replace_a_checkpoint(tiny, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[-1].bias.assign(np.full(tiny.VOCABULARY, np.nan))

    callbacks = [Spoil(), keras.callbacks.TerminateOnNaN()]
    trainer = tiny.make(epochs=3, directory=tmp_path, callbacks=callbacks)
    with pytest.warns(UserWarning, match="not finite"):
        trainer.train()
    trainer.load("last")
    assert all(np.isfinite(weight).all() for weight in trainer.model.get_weights())


@pytest.mark.slow
def test_keras_callbacks_do_their_work(tiny, tmp_path):
    batches = []
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e9)
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1e9),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "epoch{epoch}.weights.h5", save_weights_only=True
        ),
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: batches.append((batch, logs["loss"]))
        ),
        stopping,
    ]
    trainer = tiny.make(None, tiny.TinyBatches(1), epochs=9, callbacks=callbacks)
    history = trainer.train()
    assert len(history.epoch) == 2  # stopped early
    assert [batch for batch, _ in batches] == [0, 1, 2, 3] * 2
    assert batches[3][1] == pytest.approx(history.history["loss"][0])
    assert float(trainer.optimizer.learning_rate) == pytest.approx(0.005)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert (tmp_path / "epoch2.weights.h5").exists()


@pytest.mark.slow
def test_tensorboard_writes_its_events(tiny, tmp_path):
    pytest.importorskip("tensorboard")
    tiny.make(callbacks=[keras.callbacks.TensorBoard(tmp_path)]).train()
    assert list(tmp_path.rglob("events*"))


@pytest.mark.slow
def test_nan_stops_training_with_terminate_on_nan(tiny):
    optimizer = keras.optimizers.SGD(float("inf"))
    callbacks = [keras.callbacks.TerminateOnNaN()]
    trainer = tiny.make(optimizer=optimizer, callbacks=callbacks, epochs=5)
    with pytest.warns(UserWarning, match="not finite after update 2: what the model says means"):
        history = trainer.train()
    assert len(history.epoch) == 1
    assert int(trainer.optimizer.iterations) == 2


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_progress_is_printed_as_asked(tiny, capsys, verbose):
    tiny.make(epochs=2, verbose=verbose).train()
    printed = capsys.readouterr().out
    assert ("Epoch 2/2" in printed) == (verbose > 0)
    assert ("━" in printed) == (verbose == 1)
    tiny.make(epochs=2, verbose=verbose, steps=7).train()
    first, _, second = capsys.readouterr().out.rpartition("Epoch 2/2")
    assert ("4/4" in first, "3/3" in second) == (verbose > 0, verbose > 0)


@pytest.mark.slow
def test_the_default_optimizer_is_that_of_the_paper(tiny):
    model = tiny.tiny_model()
    model.d_model = 8
    trainer = tiny.make(model=model, optimizer=None)
    trainer.train()
    optimizer = trainer.optimizer
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.9, 0.98, 1e-9)
    assert float(optimizer.learning_rate) == pytest.approx(8**-0.5 * 4 * 4000**-1.5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_weights_of_any_precision_count_alike(tiny, dtype):
    inputs, labels, weights = tiny.TinyBatches(1).items[0]
    losses = []
    for kind in ("float32", dtype):
        batch = tf.data.Dataset.from_tensors((inputs, labels, weights.astype(kind)))
        history = tiny.make(batch, batch).train().history
        losses.append([history["loss"], history["val_loss"]])
    np.testing.assert_allclose(*losses, rtol=1e-6)


@pytest.mark.slow
def test_the_objective_of_the_batches_gives_loss_and_metrics(tiny):
    class Objective:
        def losses(self):
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def metrics(self):
            return [TokenAccuracy("right")]

        def check_model(self, compute, inputs, weights):
            pass

        monitor, mode, loss_weights = "val_right", "max", None

    train_batches, validation = tiny.TinyBatches(4), tiny.TinyBatches(2, seed=1)
    train_batches.objective = Objective()
    history = tiny.make(train_batches, validation).train().history
    assert set(history) == {"loss", "right", "val_loss", "val_right", "val_perplexity"}
    explicit = tiny.make(
        tiny.TinyBatches(4), validation, loss=Objective().losses(), metrics=Objective().metrics()
    )
    del history["val_perplexity"]
    assert explicit.train().history == history


@pytest.mark.slow
def test_construction_leaves_the_model_as_it_is(tiny):
    model = tiny.tiny_model()
    trainer = tiny.make(model=model)
    assert not model.compiled
    assert getattr(model, "optimizer", None) is None
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.optimizer)
    )
    trainer = tiny.make(model=model, callbacks=[callback])
    trainer.train()
    assert seen == [trainer.optimizer]
    assert model.optimizer is None
    model.compile("sgd", "mse")
    own = model.optimizer
    tiny.make(model=model).train()
    assert model.optimizer is own

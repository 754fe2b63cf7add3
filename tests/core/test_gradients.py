"""Gradients of one's own leave with the graph that they were made for."""

import gc
import weakref

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

from tftransformer import Trainer
from tftransformer.core.gradients import custom_gradient, gradients_within


@custom_gradient
def tripled(x):
    """x, with three times its gradient."""

    def gradient(upstream):
        return 3.0 * upstream

    return x * 1.0, gradient


def slope(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, tripled(y) * 2.0), (0, x))[1]
    return tape.gradient(y, x)


def test_it_counts_in_a_graph_outside_and_from_outside():
    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(slope(x), [36.0, 36.0])
    np.testing.assert_array_equal(tf.function(slope)(x), [36.0, 36.0])
    run = tf.function(lambda x: tripled(tripled(x)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = run(x)
    gc.collect()
    np.testing.assert_array_equal(tape.gradient(y, x), [9.0, 9.0])


def test_a_graph_that_nobody_holds_is_forgotten_with_its_gradients():
    gc.collect()
    before = set(gradient_registry.list())
    run = tf.function(slope)
    run(tf.constant([1.0, 2.0]))
    graph = weakref.ref(run.get_concrete_function(tf.TensorSpec((2,), "float32")).graph)
    assert set(gradient_registry.list()) > before
    del run
    gc.collect()
    assert graph() is None
    assert set(gradient_registry.list()) == before


def test_what_a_training_traced_first_has_its_gradient_elsewhere():
    shared = tf.function(tripled)  # as layers that are alike share a trace
    x = tf.constant([1.0, 2.0])
    with gradients_within():
        tf.function(lambda x: shared(x))(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.function(lambda x: shared(x) * 2.0)(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [6.0, 6.0])


def test_a_training_leaves_no_gradient_behind():
    gc.collect()
    before = set(gradient_registry.list())
    rows = tf.data.Dataset.from_tensors((tf.ones((2, 3)), tf.zeros((2, 1)), tf.ones(2)))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    adam = keras.optimizers.Adam(0.1)
    Trainer(model, rows, loss="mse", optimizer=adam, epochs=1, verbose=0).train()
    assert set(gradient_registry.list()) == before

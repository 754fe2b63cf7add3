import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training.one_pass import in_one_pass


def run(optimizer, dtype="float32", one_pass=True, updates=4):
    """Weights and moments after some updates, and the names of the graph's operations."""
    chance = np.random.default_rng(0)
    shapes = [(5, 3), (4,)]
    variables = [keras.Variable(chance.normal(size=shape), dtype=dtype) for shape in shapes]
    optimizer.build(variables)

    @tf.function(autograph=False)
    def update(*gradients):
        if one_pass:
            with in_one_pass(optimizer):
                optimizer.apply(gradients)
        else:
            optimizer.apply(gradients)

    for _ in range(updates):
        update(*[tf.constant(chance.normal(size=shape), dtype) for shape in shapes])
    operations = [
        node.op
        for node in update.get_concrete_function(*[tf.TensorSpec(shape, dtype) for shape in shapes])
        .graph.as_graph_def()
        .node
    ]
    return [keras.ops.cast(v, "float32") for v in variables + optimizer.variables[2:]], operations


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.1),
        lambda: keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(0.1, 9), beta_1=0.8, beta_2=0.9, epsilon=0.1
        ),
        lambda: keras.optimizers.AdamW(0.1, weight_decay=0.3, global_clipnorm=0.5, use_ema=True),
    ],
    ids=["Adam", "schedule", "AdamW"],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 2e-2)])
def test_the_updates_are_those_of_keras(make, dtype, tolerance):
    mine, operations = run(make(), dtype)
    keras_own, _ = run(make(), dtype, one_pass=False)
    for own, other in zip(mine, keras_own, strict=True):
        np.testing.assert_allclose(own, other, rtol=tolerance, atol=tolerance)
    assert operations.count("ResourceApplyAdam") == 2


@pytest.mark.parametrize(
    "optimizer", [keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.1, amsgrad=True)]
)
def test_other_updates_stay(optimizer):
    _, operations = run(optimizer)
    assert "ResourceApplyAdam" not in operations


def test_the_optimizer_is_left_as_it_was():
    optimizer = keras.optimizers.Adam(0.1)
    with in_one_pass(optimizer):
        assert "update_step" in vars(optimizer)
    assert "update_step" not in vars(optimizer)

"""What many tests share: seeds, random vectors, and the contract that every layer keeps."""

import collections
import json

import keras
import numpy as np
import pytest
from hypothesis import settings
from keras import ops

# Every run draws the same. `pytest --hypothesis-profile=default` draws anew.
settings.register_profile("the same", derandomize=True)
settings.load_profile("the same")

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Marks all cases of a test slow but the first ones, as `@pytest.mark.slow_after(2)` asks."""
    cases = collections.Counter()
    for item in items:
        if mark := item.get_closest_marker("slow_after"):
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] > mark.args[0]:
                item.add_marker("slow")


@pytest.fixture(autouse=True)
def seeded():
    """Same weights and dropout in every run, whatever ran before."""
    keras.utils.set_random_seed(7)


@pytest.fixture
def vectors():
    """Returns a function from a shape to float32 normal numbers, always the same."""

    def draw(*shape, seed=0):
        return np.random.default_rng(seed).normal(size=shape).astype("float32")

    return draw


@pytest.fixture
def pull():
    """Returns a function that gives a loss's value and its gradients at some tensors."""
    return gradients


def gradients(loss_of, *tensors):
    """Returns d loss / d tensor for each, as numpy (TensorFlow backend)."""
    import tensorflow as tf

    tensors = [ops.convert_to_tensor(x) for x in tensors]
    with tf.GradientTape() as tape:
        for x in tensors:
            tape.watch(x)
        loss = loss_of(*tensors)
    return [numpy(gradient) for gradient in tape.gradient(loss, tensors)]


def numpy(tensor):
    """Returns a tensor of any float dtype, or the sparse gradient of a table, as float32."""
    import tensorflow as tf

    return tf.cast(tf.convert_to_tensor(tensor), "float32").numpy()


@pytest.fixture
def layer_contract(tmp_path):
    """Returns the check that every layer passes; see `check_layer`."""

    def check(make, *inputs, parameters, without_gradient=()):
        check_config(make())
        check_symbolic(make(), inputs, parameters)
        check_training_step(make(), inputs, without_gradient)
        for policy in POLICIES:
            check_precision(make(dtype=policy), inputs)
        check_file(make(), inputs, tmp_path / "model.keras")

    return check


def check_config(layer):
    """The config is plain JSON and describes the same layer, also through Keras's serialiser."""
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    assert type(layer).from_config(config).get_config() == config
    serialised = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(serialised).get_config() == config


def functional(layer, inputs):
    """Returns a functional model of one layer."""
    symbols = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs]
    return keras.Model(symbols, layer(*symbols))


def check_symbolic(layer, inputs, parameters):
    """Symbolic and eager agree in shape, dtype and number; weights are as many as counted."""
    eager = layer(*inputs)
    model = functional(layer, inputs)
    assert model.output.shape[1:] == eager.shape[1:]
    assert model.output.dtype == keras.backend.standardize_dtype(eager.dtype)
    np.testing.assert_allclose(model(list(inputs)), eager, atol=1e-6)
    np.testing.assert_allclose(model.predict(list(inputs), verbose=0), eager, atol=1e-5)
    assert layer.count_params() == parameters
    paths = [weight.path for weight in layer.weights]
    assert len(set(paths)) == len(paths), "weight paths must be unique"


def check_training_step(layer, inputs, without_gradient):
    """One step moves every weight (but those whose gradient is zero by mathematics)."""
    model = functional(layer, inputs)
    if not layer.trainable_variables:
        return
    before = [np.array(weight) for weight in layer.trainable_variables]
    model.compile("adam", "mse", run_eagerly=True)  # no graph to build for one step
    target = np.random.default_rng(3).normal(size=(len(inputs[0]), *model.output.shape[1:]))
    model.train_on_batch(list(inputs), target)
    for weight, old in zip(layer.trainable_variables, before, strict=True):
        if not weight.path.endswith(tuple(without_gradient)):
            assert np.any(np.array(weight) != old), f"{weight.path} did not move"


def check_precision(layer, inputs):
    """Under each policy the output has the compute dtype, and it and its gradient are finite."""
    import tensorflow as tf

    floats = [ops.convert_to_tensor(x) for x in inputs]
    with tf.GradientTape() as tape:
        output = layer(*floats)
        loss = ops.mean(ops.square(ops.cast(output, "float32")))
    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype
    assert np.all(np.isfinite(numpy(output)))
    for weight in layer.weights:
        assert weight.dtype == layer.variable_dtype
    if layer.trainable_variables:
        for gradient in tape.gradient(loss, [v.value for v in layer.trainable_variables]):
            assert np.all(np.isfinite(numpy(gradient)))


def check_file(layer, inputs, path):
    """A saved model holds the layer and its weights, and comes back as it was."""
    model = functional(layer, inputs)
    for weight in model.trainable_variables:
        weight.assign(np.random.default_rng(5).normal(size=weight.shape, scale=0.3))
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(list(inputs)), model(list(inputs)))


@pytest.fixture(scope="session")
def pair_tokenizers():
    """Returns an object with a shared tokenizer of a few words, as a `DataProcess` has them."""
    import types

    from tftransformer.text import SentencePieceTokenizer

    texts = ["The dog sleeps in the house.", "A cat and two birds.", "Der Hund schläft."] * 20
    tokenizer = SentencePieceTokenizer.learn(texts, vocab_size=320)
    return types.SimpleNamespace(source_tokenizer=tokenizer, target_tokenizer=tokenizer)


@pytest.fixture(scope="session")
def make_translator(pair_tokenizers):
    """Returns a function that makes a small untrained translator; arguments are its own."""
    from tftransformer.models import Transformer
    from tftransformer.tasks import Translator

    def make(**options):
        keras.utils.set_random_seed(3)
        size = pair_tokenizers.source_tokenizer.vocab_size
        model = Transformer(2, 32, 4, 64, vocab_size=size)
        return Translator(model, pair_tokenizers, **{"max_length": 12, **options})

    return make
